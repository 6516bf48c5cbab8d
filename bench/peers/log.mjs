import { openSync, writeSync } from 'node:fs';

const everyMilliseconds = 100;

/**
 * Tells the bench by a file what was done so far: ten times a second a line with the time, the number of tasks and the nanoseconds
 * that handlers took. The time is the computer's monotonic clock, which .NET's Stopwatch reads, too.
 */
export class Log {
  #file;
  #lines = [];
  #timer;
  #count = 0;
  #busy = 0;

  constructor(path) {
    this.#file = openSync(path, 'a');
    this.#timer = setInterval(() => this.#write(), everyMilliseconds);
  }

  static now() {
    return process.hrtime.bigint();
  }

  /** So many tasks have ended. */
  done(count = 1) {
    this.#count += count;
  }

  /** Handlers took so long. */
  busy(since) {
    this.#busy += Number(Log.now() - since);
  }

  /** The handler of this task begins. */
  begun(id) {
    this.#lines.push(`s ${id} ${Log.now()}`);
  }

  /** The transaction that adds this task was just answered. */
  committed(id) {
    this.#lines.push(`e ${id} ${Log.now()}`);
  }

  #write() {
    this.#lines.push(`p ${Log.now()} ${this.#count} ${this.#busy}`);
    writeSync(this.#file, this.#lines.join('\n') + '\n');
    this.#lines = [];
  }

  close() {
    clearInterval(this.#timer);
    this.#write();
  }
}
