import { PgBoss } from 'pg-boss';
import pg from 'pg';
import { nap, writeAll } from './handlers.mjs';
import { oneByOne } from './oneByOne.mjs';

const chunk = 10_000;
const connectionString = process.env.DATABASE_URL;

async function start(options = {}) {
  const boss = new PgBoss({ connectionString, schedule: false, ...options });
  boss.on('error', (error) => process.stderr.write(`${error}\n`));
  await boss.start();
  return boss;
}

const stop = (boss) => boss.stop({ graceful: true, timeout: 30_000 });

export async function prepare(job) {
  const boss = await start();
  // A table of its own is what the documentation advises for a large queue; with notify a worker need not poll often.
  await boss.createQueue(job, { partition: true, notify: true });
  await stop(boss);
}

export async function load(job, size) {
  const boss = await start();
  for (let first = 1; first <= size; first += chunk) {
    const length = Math.min(chunk, size - first + 1);
    await boss.insert(job, Array.from({ length }, (_, i) => ({ data: { value: first + i } })));
  }
  await stop(boss);
}

export async function enqueue(job, samples, log) {
  const boss = await start();
  await oneByOne(samples, log, (id) => boss.send(job, { value: id }));
  await stop(boss);
}

/** Works with the settings that the bench gives until it is told to stop. */
export async function work(job, settings, log, stopped) {
  const { loops, batchSize, workers } = settings;
  const boss = await start({ useListenNotify: workers > 0, max: Math.max(10, loops + 2) });
  const pool = new pg.Pool({ connectionString, max: loops || 1 });
  let going = true;

  async function handle(jobs) {
    if (job === 'numbers') await writeAll(pool, jobs.map((j) => j.data.value));
    if (job === 'nap') for (const _ of jobs) await nap(log);
    if (job === 'stamps') for (const j of jobs) log.begun(j.data.value);
  }

  // fetch and complete in a loop: both are one statement for the whole batch.
  async function loop() {
    while (going) {
      const jobs = await boss.fetch(job, { batchSize });
      if (jobs.length === 0) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        continue;
      }
      await handle(jobs);
      await boss.complete(job, jobs.map((j) => j.id));
      log.done(jobs.length);
    }
  }

  const all = Array.from({ length: loops }, loop);
  if (workers > 0) {
    await boss.work(job, { localConcurrency: workers }, async (jobs) => {
      await handle(jobs);
      log.done(jobs.length);
    });
  }
  await Promise.race([stopped, ...all]);
  going = false;
  await Promise.all(all);
  await stop(boss);
  await pool.end();
}
