// What can be listened to beside the application's data.

import { checkOption } from './options/checks.js';
import type { TraceEvent } from './trace.js';

/** What can be listened to beside the application's data. */
export interface ObserverOptions {
  /**
   * Tells the secrets of the connection, as lines of SSLKEYLOGFILE (RFC 9850), to the function or, if `true`, in `keylog`
   * events. Whoever has them can read everything.
   */
  keylog?: boolean | ((line: string) => void) | undefined;
  /** Is told everything that happens. */
  trace?: ((event: TraceEvent) => void) | undefined;
}

/**
 * What of the observers the core has to record.
 *
 * @internal
 */
export function recording({ keylog, trace }: ObserverOptions): { trace: boolean; keylog: boolean } {
  return { trace: trace !== undefined, keylog: Boolean(keylog) };
}

/** @internal */
export function checkObservers({ keylog, trace }: ObserverOptions): void {
  checkOption('keylog', keylog, 'true, false or a function', (value) => typeof value === 'boolean' || typeof value === 'function');
  checkOption('trace', trace, 'a function', (value) => typeof value === 'function');
}

/**
 * Calls a function of the application; what it throws is reported as uncaught, and does not stop the machine.
 *
 * @internal
 */
export function isolated<T>(call: (value: T) => void, value: T): void {
  try {
    call(value);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
