// Datagrams that arrived and wait for the application.

/** How many bytes may wait; what comes later is dropped and counted. The core's own queue has the same bound. */
const MAX_WAITING = 1024 * 1024;

type Waiter = { resolve(result: IteratorResult<Uint8Array, undefined>): void; reject(error: unknown): void };

/** A bounded queue with one reader at its end, who may wait. */
export class DatagramQueue {
  /** How many datagrams were dropped because too much was waiting. */
  dropped = 0;
  #waiting: Uint8Array[] = [];
  /** Where the first datagram stands in `#waiting`: an array is not shifted for each. */
  #first = 0;
  #bytes = 0;
  #readers: Waiter[] = [];
  #end: { error?: unknown } | undefined;

  push(datagram: Uint8Array): void {
    if (this.#end) return;
    const reader = this.#readers.shift();
    if (reader) return reader.resolve({ done: false, value: datagram });
    if (this.#bytes + datagram.length > MAX_WAITING) {
      this.dropped += 1;
      return;
    }
    this.#bytes += datagram.length;
    this.#waiting.push(datagram);
  }

  /** No more will come. What waits can still be taken; then readers see the end, or `error`. */
  end(error?: unknown): void {
    if (this.#end) return;
    this.#end = error === undefined ? {} : { error };
    for (const reader of this.#readers.splice(0)) this.#finish(reader);
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    return new Promise((resolve, reject) => {
      const reader = { resolve, reject };
      const value = this.#waiting[this.#first];
      if (value) {
        this.#take(value.length);
        resolve({ done: false, value });
      } else if (this.#end) {
        this.#finish(reader);
      } else {
        this.#readers.push(reader);
      }
    });
  }

  #take(bytes: number): void {
    this.#bytes -= bytes;
    this.#first += 1;
    if (this.#first === this.#waiting.length) {
      this.#waiting = [];
      this.#first = 0;
    } else if (this.#first >= 1024) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
  }

  /** The error is told once; whoever reads on sees the end. */
  #finish(reader: Waiter): void {
    const end = this.#end;
    if (end && 'error' in end) {
      const { error } = end;
      this.#end = {};
      reader.reject(error);
    } else {
      reader.resolve({ done: true, value: undefined });
    }
  }
}
