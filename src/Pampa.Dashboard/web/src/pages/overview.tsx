import { steer } from '../acts';
import { count, duration, plural, rate, short } from '../format';
import { useLive } from '../live';
import { go, isPlainClick, to } from '../router';
import type { Job, Session, Snapshot } from '../shapes';
import { Badge, Button, Empty, HeldBadge, Panel, Skeleton, Some, Stat } from '../ui/basics';
import { Spark, StateBar } from '../ui/bars';
import { useAsk } from '../ui/dialog';
import { FindingRow } from './health';
import { useTitle } from '../use';

export function Overview({ session }: { session: Session }) {
  const { snapshot } = useLive();
  useTitle(`Overview · ${session.title}`);
  if (!snapshot)
    return (
      <>
        <h1>Overview</h1>
        <Skeleton rows={8} />
      </>
    );
  return (
    <>
      <h1>Overview</h1>
      <Figures snapshot={snapshot} />
      <Concerns snapshot={snapshot} />
      <Panel title="Jobs" side={<span class="hush">{plural(snapshot.jobs.length, 'job')}</span>}>
        {snapshot.jobs.length === 0 ? (
          <Empty title="No job">Add one to the program with AddJob, and start it.</Empty>
        ) : (
          <table class="grid jobs">
            <thead>
              <tr>
                <th>Job</th>
                <th class="wide">Records</th>
                <th class="num">Pending</th>
                <th class="num">Running</th>
                <th class="num">Failed</th>
                <th class="num">Per second</th>
                <th class="spark-cell">Last 15 min</th>
                <th class="num">ETA</th>
                <th class="num">Workers</th>
                <th aria-label="Actions" />
              </tr>
            </thead>
            <tbody>
              {snapshot.jobs.map((job) => (
                <Row key={job.name} job={job} session={session} />
              ))}
            </tbody>
          </table>
        )}
      </Panel>
    </>
  );
}

function Figures({ snapshot }: { snapshot: Snapshot }) {
  const sum = (of: (job: Job) => number): number => snapshot.jobs.reduce((n, job) => n + of(job), 0);
  const isExact = snapshot.jobs.every((job) => job.isExact && job.isCounted);
  const workers = snapshot.workerCount;
  const due = sum((j) => j.pending);
  const running = sum((j) => j.running);
  const failed = sum((j) => j.failed);
  // A list is of one job: that of the most failures, where several have some.
  const failing = snapshot.jobs.filter((j) => j.failed > 0).sort((a, b) => b.failed - a.failed);
  const worst = failing[0];
  const oldest = snapshot.jobs.reduce<number | null>((n, j) => (j.oldestPending === null ? n : Math.max(n ?? 0, j.oldestPending)), null);
  return (
    <div class="stats">
      <Stat label="Per second" value={rate(sum((j) => j.perSecond ?? 0))} hint="tasks ended, all jobs" />
      <Stat label="Due" value={count(due, isExact)} hint={due === 0 ? (isExact ? 'nothing waits' : 'not all was counted') : oldest === null ? 'for a worker' : `the oldest for ${duration(oldest)}`} />
      <Stat label="In hand" value={count(running + sum((j) => j.reserved))} hint={`${count(running)} running`} />
      <Stat label="Failed" value={count(failed, isExact)} tone={failed > 0 ? 'bad' : ''} hint={!worst ? (isExact ? 'none for good' : 'not all was counted') : failing.length === 1 ? `for good, of ${worst.name}` : `for good, most of ${worst.name}`} href={worst && to(['tasks'], { job: worst.name, state: 'failed' })} />
      <Stat label="Workers" value={count(workers.all)} hint={workers.all === 0 ? 'no node is at work' : `${plural(snapshot.nodeCount, 'node')}, ${count(workers.busy)} at a long task`} tone={workers.all === 0 ? 'bad' : ''} href={to(['nodes'])} />
      <Stat
        label="Leader"
        value={snapshot.leader ? snapshot.leader.node : 'nobody'}
        tone={snapshot.leader ? 'text' : 'text bad'}
        hint={snapshot.leader ? `for ${duration(snapshot.leader.leadsFor)}, term ${snapshot.leader.term}` : 'nothing is dispatched'}
      />
    </div>
  );
}

function Concerns({ snapshot }: { snapshot: Snapshot }) {
  const health = snapshot.health;
  const grave = (health?.findings ?? []).filter((f) => f.severity !== 'info');
  const { absent, absentCount } = snapshot;
  if (!health || (grave.length === 0 && absentCount === 0))
    return (
      <section class="panel calm" aria-label="Health">
        {health ? <Badge state="completed">All is well</Badge> : <Badge state="looking">Looking…</Badge>}
        <span class="hush cut">{health ? 'Indexes, plans, settings, clocks and stuck records were looked at.' : 'Database, tables and cluster are being examined.'}</span>
        <a href={to(['health'])}>Health</a>
      </section>
    );
  return (
    <Panel title="Health" side={<a href={to(['health'])}>All findings</a>}>
      <ul class="findings">
        {absentCount > 0 && (
          <li class="warning">
            <Badge state="warning" />
            <div>
              <p>
                {absentCount === 1 ? 'A declared node is' : `${count(absentCount)} declared nodes are`} not there: <Some names={absent} all={absentCount} most={5} />
              </p>
            </div>
          </li>
        )}
        {grave.slice(0, 3).map((f, i) => (
          <FindingRow key={`${f.id}${f.where}${i}`} finding={f} isShort />
        ))}
        {grave.length > 3 && (
          <li class="rest">
            <a href={to(['health'])}>{plural(grave.length - 3, 'more finding')}</a>
          </li>
        )}
      </ul>
    </Panel>
  );
}

function Row({ job, session }: { job: Job; session: Session }) {
  const { ask } = useAsk();
  const href = to(['jobs', job.name]);
  const of = (n: number, state: string) => (
    <a class={`n ${state}${n === 0 ? ' zero' : ''}`} href={to(['tasks'], { job: job.name, state })}>
      {job.isCounted ? short(n) : '–'}
      {!job.isExact && n > 0 ? '+' : ''}
    </a>
  );
  return (
    <tr data-row onClick={(e) => isPlainClick(e) && go(href)}>
      <th scope="row" data-label="Job">
        <a class="name" href={href}>
          {job.name}
        </a>
        <HeldBadge held={job.held} left={job.running} />
        {job.trouble && (
          <span class="badge warning" title={job.trouble}>
            not counted
          </span>
        )}
      </th>
      <td class="wide" data-label="Records">
        <StateBar job={job} />
        <span class="under">
          {job.isCounted
            ? `${count(job.completed, job.isExact)} of ${count(job.pending + job.scheduled + job.reserved + job.running + job.completed + job.failed, job.isExact)} done`
            : 'not counted yet'}
        </span>
      </td>
      <td class="num" data-label="Pending">
        {of(job.pending, 'pending')}
      </td>
      <td class="num" data-label="Running">
        {of(job.running, 'running')}
      </td>
      <td class="num" data-label="Failed">
        {of(job.failed, 'failed')}
      </td>
      <td class="num" data-label="Per second">
        {rate(job.perSecond)}
      </td>
      <td class="spark-cell" data-label="Last 15 min">
        <Spark values={job.rates} label={`Tasks of ${job.name} that ended a second, in the last 15 minutes`} />
      </td>
      <td class="num" data-label="ETA">
        {job.held || !job.isCounted ? '–' : job.eta === 0 ? 'done' : duration(job.eta)}
      </td>
      <td class="num" data-label="Workers" title={job.reason ?? ''}>
        {job.workers}
        <span class="of"> / {job.wanted}</span>
      </td>
      <td class="do">
        {session.mayAct && (
          <Button class="quiet" icon={job.held ? 'play' : 'pause'} onClick={() => ask(steer('job', job.name, job.held !== null))} aria-label={`${job.held ? 'Resume' : 'Pause'} ${job.name}`} title={job.held ? 'Resume' : 'Pause'} />
        )}
      </td>
    </tr>
  );
}
