// Loads the WebAssembly module, and reads and writes its memory: the only file that knows either.

import start, { initSync as startSync, type InitInput, type InitOutput, Scratch } from './dtls_wasm.js';
import { DtlsError } from './errors.js';

let instance: InitOutput | undefined;
let pending: Promise<void> | undefined;

/**
 * Where the WebAssembly module comes from: an address, bytes, a `Response` or a promise of one, or a compiled
 * `WebAssembly.Module`. (Not every program has the types of the last ones, so they are only called objects here.)
 */
export type ModuleSource = string | URL | Uint8Array | object;

/** Loads the WebAssembly module, once. Without `source` it is found beside this file. */
export function init(source?: ModuleSource): Promise<void> {
  if (instance) return Promise.resolve();
  pending ??= load(source).catch((cause: unknown) => {
    pending = undefined;
    throw new DtlsError('ERR_DTLS_LOAD', `The WebAssembly module could not be loaded: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  });
  return pending;
}

/** Instantiates the WebAssembly module at once, from its bytes or a compiled module. */
export function initSync(source: Uint8Array | object): void {
  instance ??= startSync({ module: source as BufferSource | WebAssembly.Module });
}

/** Loads the module where that can be done at once: in Node, Bun and Deno, from the disk. Says whether it is loaded. */
export function loadSync(): boolean {
  if (!instance) {
    const bytes = fromDisk();
    if (bytes) initSync(bytes);
  }
  return instance !== undefined;
}

/** Throws unless the module is loaded, or can be at once. */
export function assertLoaded(): void {
  if (!loadSync()) throw new DtlsError('ERR_DTLS_LOAD', 'The WebAssembly module is not loaded yet; call init() and wait for it.');
}

async function load(source?: ModuleSource): Promise<void> {
  if (source === undefined && loadSync()) return;
  // The wasm-bindgen glue names the file itself if it is given no source; it streams, and falls back where the MIME type is wrong.
  instance = await start(source === undefined ? undefined : { module_or_path: source as InitInput });
}

/** The bytes of the module, if it lies on a disk that this program can read. */
function fromDisk(): Uint8Array | undefined {
  const url = new URL('./dtls_wasm_bg.wasm', import.meta.url);
  if (url.protocol !== 'file:' || typeof process === 'undefined') return undefined;
  return process.getBuiltinModule?.('node:fs').readFileSync(url);
}

let view = new Uint8Array(0);

/** The memory of the module. When it grows, its buffer is another one and the old view is empty: hence one maker of views. */
function memory(): Uint8Array {
  const { buffer } = (instance as InitOutput).memory;
  if (view.buffer !== buffer) view = new Uint8Array(buffer);
  return view;
}

/** Writes what the next call takes in. */
export function writeInput(first: Uint8Array, second?: Uint8Array): void {
  // `Scratch.input` makes room and may thereby grow the memory, so the view is asked for after it.
  const start = Scratch.input(first.length + (second?.length ?? 0));
  memory().set(first, start);
  if (second) memory().set(second, start + first.length);
}

/** A copy of `length` bytes at `start`. */
export function readMemory(start: number, length: number): Uint8Array {
  return memory().slice(start, start + length);
}
