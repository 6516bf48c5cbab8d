import { setTimeout as pause } from 'node:timers/promises';

/** Adds tasks one at a time, every 20 to 50 ms: in step with somebody's polling, all of them would wait equally long. */
export async function oneByOne(count, log, add) {
  for (let id = 1; id <= count; id++) {
    await pause(20 + 30 * Math.random());
    await add(id);
    log.committed(id);
  }
}
