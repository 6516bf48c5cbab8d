import { Logger, makeWorkerUtils, run, runMigrations } from 'graphile-worker';
import pg from 'pg';
import { Gathering, nap, writeOne } from './handlers.mjs';

const chunk = 10_000;
const connectionString = process.env.DATABASE_URL;

// Its warnings would be read as the run's output only if it fails.
const logger = new Logger(() => (level, message) => {
  if (level === 'error' || level === 'warning') process.stderr.write(`${level}: ${message}\n`);
});

export const prepare = () => runMigrations({ connectionString, logger });

/** Puts a backlog into the queue by its own bulk call. */
export async function load(job, size) {
  const utils = await makeWorkerUtils({ connectionString, logger });
  for (let first = 1; first <= size; first += chunk) {
    const length = Math.min(chunk, size - first + 1);
    await utils.addJobs(Array.from({ length }, (_, i) => ({ identifier: job, payload: { value: first + i } })));
  }
  await utils.release();
}

/** Works with the settings that the bench gives until it is told to stop. */
export async function work(job, settings, log, stopped) {
  const { concurrentJobs, localQueue, batchDelay, gathers, maxPoolSize } = settings;
  const pool = new pg.Pool({ connectionString, max: 2 });
  const gathering = new Gathering(pool);
  const handlers = {
    noop: () => log.done(),
    numbers: async ({ value }, helpers) => {
      await (gathers ? gathering.write(value) : writeOne(helpers.query, value));
      log.done();
    },
    nap: async () => {
      await nap(log);
      log.done();
    },
    stamps: ({ value }) => {
      log.begun(value);
      log.done();
    },
  };
  const runner = await run({
    noHandleSignals: true,
    taskList: { [job]: handlers[job] },
    preset: {
      worker: {
        connectionString, logger, concurrentJobs, maxPoolSize,
        localQueue: { size: localQueue }, completeJobBatchDelay: batchDelay, failJobBatchDelay: batchDelay,
      },
    },
  });
  await stopped;
  await runner.stop();
  await pool.end();
}
