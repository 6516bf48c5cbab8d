import { useEffect, useMemo, useState } from 'preact/hooks';
import { onRecords, steer } from '../acts';
import { count, duration, keyText, plural, rate, reason, short, spell } from '../format';
import { useLive } from '../live';
import { to } from '../router';
import { states, type Durations, type ErrorGroup, type Errors, type Job, type JobFacts, type Orders, type Sample, type Scale, type Session } from '../shapes';
import { Answer, Button, Empty, Failing, HeldBadge, Panel, Skeleton, Stat, Time } from '../ui/basics';
import { StateBar } from '../ui/bars';
import { Chart } from '../ui/chart';
import { useAsk } from '../ui/dialog';
import { useAsked, useTitle } from '../use';

const ranges: [string, number][] = [
  ['15 min', 900],
  ['1 h', 3_600],
  ['6 h', 21_600],
  ['24 h', 86_400],
  ['7 d', 604_800],
  ['30 d', 2_592_000],
];

export function JobPage({ name, session }: { name: string; session: Session }) {
  const { snapshot } = useLive();
  const { ask } = useAsk();
  useTitle(`${name} · ${session.title}`);
  const job = snapshot?.jobs.find((j) => j.name === name);
  if (snapshot && !job && snapshot.jobs.length > 0)
    return (
      <>
        <h1>{name}</h1>
        <Empty title="There is no such job">
          Jobs are {snapshot.jobs.map((j) => j.name).join(', ')}. <a href={to([])}>To the overview</a>
        </Empty>
      </>
    );
  return (
    <>
      <div class="title">
        <h1>
          <a class="up" href={to([])}>
            Jobs
          </a>
          <span class="name">{name}</span> {job && <HeldBadge held={job.held} left={job.running} />}
        </h1>
        <div class="actions">
          <a class="button" href={to(['tasks'], { job: name })}>
            Tasks
          </a>
          {session.mayAct && job && (
            <>
              <Button icon={job.held ? 'play' : 'pause'} onClick={() => ask(steer('job', name, job.held !== null))}>
                {job.held ? 'Resume' : 'Pause'}
              </Button>
              <Button icon="retry" onClick={() => ask(onRecords('retry', name, { filter: { states: ['failed'] } }, `all failed tasks of ${name}`))} disabled={job.isCounted && job.isExact && job.failed === 0}>
                Retry failed
              </Button>
            </>
          )}
        </div>
      </div>
      {job ? <Figures job={job} /> : <Skeleton rows={2} />}
      <Course job={name} />
      <About job={name} durations={job?.durations ?? null} />
      <Failures job={name} session={session} failed={job?.failed ?? 0} />
    </>
  );
}

function Figures({ job }: { job: Job }) {
  return (
    <>
      {!job.isCounted || job.trouble ? (
        <p class="note warn" role="status">
          {job.isCounted ? 'The records could not be counted anew; the numbers are those of before.' : job.trouble ? 'The records could not be counted.' : 'The records are being counted.'} {job.trouble && spell(job.trouble)}
        </p>
      ) : null}
      {job.fault && (
        <p class="note warn" role="status">
          {spell(job.fault)}
        </p>
      )}
      {job.held?.reason && <p class="note">Paused: {spell(job.held.reason)}</p>}
      <div class="shares">
        <StateBar job={job} />
        <ul>
          {states.map((s) => (
            <li key={s}>
              <a href={to(['tasks'], { job: job.name, state: s })}>
                <i class={`key ${s}`} aria-hidden="true" />
                {s}
                <b>{job.isCounted ? count(job[s], job.isExact) : '–'}</b>
              </a>
            </li>
          ))}
        </ul>
      </div>
      <div class="stats">
        <Stat label="Per second" value={rate(job.perSecond)} hint="on all nodes" />
        <Stat label="ETA" value={job.held || !job.isCounted ? '–' : job.eta === 0 ? 'done' : duration(job.eta)} hint={!job.isCounted ? 'not counted' : job.eta === null ? 'nobody works on it' : job.eta === 0 ? 'nothing is left' : 'for what is due now'} />
        {job.scale && (job.scale.finishBy !== null || job.scale.maxWait !== null) && <Goal scale={job.scale} />}
        <Stat label="Oldest waits" value={duration(job.oldestPending)} hint={!job.isCounted ? 'not counted' : job.pending === 0 ? 'nothing waits' : job.oldestPending === null ? 'since when is not known' : 'since it is due'} />
        <Stat label="Workers" value={`${job.workers} / ${job.wanted}`} hint={job.reason ?? 'have / wanted'} />
      </div>
    </>
  );
}

function Goal({ scale }: { scale: Scale }) {
  const isLate = (scale.early ?? 0) < 0;
  const goal = scale.finishBy !== null ? <>by <Time at={scale.finishBy} /></> : `within ${duration(scale.maxWait)}`;
  return (
    <Stat
      label={isLate ? 'Late' : 'Early'}
      value={scale.early === null ? '–' : duration(Math.abs(scale.early))}
      tone={isLate ? 'bad' : ''}
      hint={<>wants {plural(scale.workers, 'worker')} {goal}</>}
    />
  );
}

function Course({ job }: { job: string }) {
  const [seconds, setSeconds] = useState(() => {
    const kept = Number(sessionStorage.getItem('pampa-range'));
    return ranges.some(([, s]) => s === kept) ? kept : 3_600;
  });
  useEffect(() => sessionStorage.setItem('pampa-range', String(seconds)), [seconds]);
  const asked = useAsked<{ samples: Sample[] }>('samples', { job, seconds, points: 360 }, seconds > 21_600 ? 60 : 10);
  const samples = asked.data?.samples ?? [];
  const series = useMemo(
    () => ({
      times: samples.map((s) => Date.parse(s.at) / 1_000),
      rates: [samples.map((s) => s.completed), samples.map((s) => s.failed)],
      pending: [samples.map((s) => s.pending)],
      duration: [samples.map((s) => s.duration)],
      workers: [samples.map((s) => s.workers), samples.map((s) => s.running)],
    }),
    [asked.data],
  );
  const isCut = samples.some((s) => !s.isPendingExact);
  return (
    <Panel
      title="How it goes"
      side={
        <div class="choice" role="group" aria-label="Range of time">
          {ranges.map(([label, s]) => (
            <button key={s} type="button" aria-pressed={s === seconds} onClick={() => setSeconds(s)}>
              {label}
            </button>
          ))}
        </div>
      }
    >
      {asked.error && <Failing error={asked.error} again={asked.again} />}
      {!(asked.error && (asked.isOld || !asked.data)) && (
        <div class={asked.isOld || (asked.isBusy && !asked.data) ? 'charts waiting' : 'charts'}>
          <Chart title="Ended per second" times={series.times} values={series.rates} format={rate} lines={[{ label: 'completed', color: '--completed', isArea: true }, { label: 'failed', color: '--failed' }]} />
          <Chart title={isCut ? 'Pending (at least, where cut)' : 'Pending'} times={series.times} values={series.pending} format={short} lines={[{ label: 'pending', color: '--pending', isArea: true }]} />
          <Chart title="Duration" times={series.times} values={series.duration} format={duration} axis={duration} lines={[{ label: 'mean', color: '--scheduled' }]} />
          <Chart title="Workers" times={series.times} values={series.workers} format={(v) => (Number.isInteger(v) ? String(v) : v.toFixed(1))} lines={[{ label: 'assigned', color: '--running', isArea: true }, { label: 'running', color: '--reserved' }]} />
        </div>
      )}
    </Panel>
  );
}

function About({ job, durations }: { job: string; durations: Durations | null }) {
  const asked = useAsked<JobFacts>('job', { job }, 60);
  return (
    <Panel title="What it is" side={asked.data?.program ? <span class="hush">as published by {spell(asked.data.program)}</span> : undefined}>
      <Answer asked={asked} rows={2}>
        {(facts) => (facts.table === null ? <Empty title="Not published yet">What the job is stands here when a process with workers has been started.</Empty> : <Facts facts={facts} durations={durations} />)}
      </Answer>
    </Panel>
  );
}

function took(seconds: number): string {
  return seconds < 0.0005 ? 'under 1 ms' : duration(seconds);
}

function Facts({ facts, durations }: { facts: JobFacts; durations: Durations | null }) {
  const goals = [
    facts.finishAt && `each day by ${facts.finishAt} ${facts.finishAtZone}`,
    facts.finishBy && (
      <>
        by <Time at={facts.finishBy} />
      </>
    ),
    facts.maxWait !== null && `within ${duration(facts.maxWait)}`,
  ].filter(Boolean);
  return (
    <>
      <dl class="strip about">
        <div>
          <dt>Table</dt>
          <dd>{spell(facts.table!)}</dd>
        </div>
        <div>
          <dt>Key</dt>
          <dd>{spell(facts.key.join(', '))}</dd>
        </div>
        <div>
          <dt>Attempts</dt>
          <dd>{facts.maxAttempts === null ? <span class="none">–</span> : `${count(facts.maxAttempts)} at most`}</dd>
        </div>
        <div>
          <dt>Duration</dt>
          <dd>{facts.maxDuration === null ? <span class="none">–</span> : `${duration(facts.maxDuration)} at most`}</dd>
        </div>
        <div title={durations ? `Half of the last tasks took ${took(durations.p50)} at most, nine of ten ${took(durations.p90)}${durations.nodes > 1 ? `, on the slowest of ${durations.nodes} nodes` : ''}` : undefined}>
          <dt>Last ones took</dt>
          <dd>
            {durations === null ? (
              <span class="none">none has ended</span>
            ) : (
              <>
                <span class="of">p50</span> {took(durations.p50)} <span class="of">p90</span> {took(durations.p90)}
              </>
            )}
          </dd>
        </div>
        <div>
          <dt>Workers</dt>
          <dd>{facts.maxWorkers === null ? <span class="none">no limit</span> : `${count(facts.maxWorkers)} at most`}</dd>
        </div>
        <div>
          <dt>Worker filter</dt>
          <dd>{facts.workerFilter === null ? <span class="none">any worker</span> : <code>{spell(facts.workerFilter)}</code>}</dd>
        </div>
        <div>
          <dt>Goal</dt>
          <dd>
            {goals.length === 0 ? (
              <span class="none">at no set time</span>
            ) : (
              goals.map((goal, i) => (
                <>
                  {i > 0 && ', '}
                  {goal}
                </>
              ))
            )}
          </dd>
        </div>
      </dl>
      {(facts.where !== null || facts.orderBy !== null) && (
        <dl class="facts">
          {facts.where !== null && (
            <>
              <dt>Only records where</dt>
              <dd class="value">{spell(facts.where)}</dd>
            </>
          )}
          {facts.orderBy !== null && (
            <>
              <dt>In the order of</dt>
              <dd class="value">{spell(facts.orderBy)}</dd>
            </>
          )}
        </dl>
      )}
    </>
  );
}

function Failures({ job, session, failed }: { job: string; session: Session; failed: number }) {
  const asked = useAsked<Errors>('errors', { job }, 15);
  const { ask } = useAsk();
  const data = asked.data;
  // The groups are of the latest failures: in that order the first page has them, however many have failed before. A large table that has no
  // index for it is asked by key, which goes on until it has found them, and not for what would be refused.
  const orders = useAsked<Orders>('orders', { job, state: ['failed'] }, 60);
  const order = orders.data?.latestEnd === null && !orders.isOld ? 'latestend' : undefined;
  const link = (g?: ErrorGroup): string => to(['tasks'], { job, state: 'failed', error: g?.search ?? undefined, order });
  return (
    <Panel
      title="Failures by error"
      side={
        <>
          {data && data.groups.length > 0 && <span class="hush">{data.isComplete ? plural(data.examined, 'failed task') : `the latest ${plural(data.examined, 'failed task')}`} · </span>}
          {(failed > 0 || (data?.groups.length ?? 0) > 0 || asked.error) && <a href={link()}>All failed tasks</a>}
        </>
      }
    >
      <Answer asked={asked} rows={3}>
        {({ groups }) =>
          groups.length === 0 ? (
            <Empty title="Nothing has failed for good" isGood>
              {failed > 0 ? 'The failures of a moment ago come with the next look.' : 'Attempts that failed and are tried again are not counted here.'}
            </Empty>
          ) : (
            <table class="grid errors">
              <thead>
                <tr>
                  <th class="num">Tasks</th>
                  <th class="wide">Error</th>
                  <th>Last</th>
                  <th aria-label="Actions" />
                </tr>
              </thead>
              <tbody>
                {groups.map((g) => (
                  <tr key={g.pattern} data-row>
                    <td class="num" data-label="Tasks">
                      {count(g.count)}
                    </td>
                    <td class="wide" data-label="Error">
                      <a class="pattern" href={link(g)} title={spell(g.sample)}>
                        {reason(g.pattern)}
                      </a>
                      <span class="under">
                        for example <a href={to(['jobs', job, 'tasks', g.sampleKey])}>{keyText(g.sampleKey)}</a>
                      </span>
                    </td>
                    <td data-label="Last">
                      <Time at={g.last} />
                    </td>
                    <td class="do">
                      {session.mayAct && g.search && (
                        <Button class="quiet" icon="retry" onClick={() => ask(onRecords('retry', job, { filter: { states: ['failed'], error: g.search! } }, `the failed tasks with “${spell(g.search!)}”`))} title="Retry these">
                          Retry
                        </Button>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Answer>
    </Panel>
  );
}
