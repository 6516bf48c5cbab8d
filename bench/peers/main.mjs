// node main.mjs PEER VERB JOB NUMBER LOG SETTINGS, with the database in DATABASE_URL: what the bench starts.
import * as graphile from './graphile.mjs';
import * as pgboss from './pgboss.mjs';
import { Log } from './log.mjs';

const [name, verb, job, number, path, settings] = process.argv.slice(2);
const peer = { graphile, pgboss }[name];
const stopped = new Promise((resolve) => process.once('SIGTERM', resolve));

if (verb === 'prepare') await peer.prepare(job);
if (verb === 'load') await peer.load(job, Number(number));
if (verb === 'enqueue' || verb === 'work') {
  const log = new Log(path);
  if (verb === 'enqueue') await peer.enqueue(job, Number(number), log);
  else await peer.work(job, JSON.parse(settings), log, stopped);
  log.close();
}
// Pools may still hold a connection that is idle.
process.exit(0);
