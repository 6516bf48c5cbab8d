import { setTimeout as pause } from 'node:timers/promises';
import { Log } from './log.mjs';

const update = 'UPDATE numbers SET is_odd = v.is_odd FROM unnest($1::bigint[], $2::boolean[]) AS v (value, is_odd) WHERE numbers.value = v.value';

const isOdd = (value) => value % 2 !== 0;

/** Writes the results of several numbers by one statement. */
export const writeAll = (pool, values) =>
  pool.query({ name: 'write-all', text: update, values: [values, values.map(isOdd)] });

/** Writes the result of one number by a statement of its own. */
export const writeOne = (query, value) =>
  query('UPDATE numbers SET is_odd = $2 WHERE value = $1', [value, isOdd(value)]);

/** Takes five milliseconds, without a processor. */
export async function nap(log) {
  const begun = Log.now();
  await pause(5);
  log.busy(begun);
}

/**
 * Gathers the results of tasks that run at the same time into one statement: a task ends when its result is written. While one
 * statement is under way the next one gathers.
 */
export class Gathering {
  #pool;
  #waiting = [];
  #running = false;

  constructor(pool) {
    this.#pool = pool;
  }

  write(value) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ value, resolve, reject });
      if (!this.#running) this.#run();
    });
  }

  async #run() {
    this.#running = true;
    // What was begun in the same turn comes along.
    await new Promise(setImmediate);
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await writeAll(this.#pool, batch.map((w) => w.value));
        for (const w of batch) w.resolve();
      } catch (error) {
        for (const w of batch) w.reject(error);
      }
    }
    this.#running = false;
  }
}
