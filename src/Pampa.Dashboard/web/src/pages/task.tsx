import { onRecords } from '../acts';
import { age, duration, keyText, spell } from '../format';
import { useLive } from '../live';
import { to } from '../router';
import type { Session, State, TaskDetail } from '../shapes';
import { Answer, Button, Empty, Panel, StateBadge, Time } from '../ui/basics';
import { Icon } from '../ui/icons';
import { useAsk } from '../ui/dialog';
import { useAsked, useNow, useTitle } from '../use';

const takes: Record<string, State[]> = { retry: ['failed'], relaunch: ['completed', 'failed'], cancel: ['pending', 'scheduled', 'reserved', 'running'], skip: ['pending', 'scheduled', 'reserved'], runnow: ['scheduled'] };

export function TaskRecord({ job, taskKey, session }: { job: string; taskKey: string; session: Session }) {
  useTitle(`${taskKey} · ${job} · ${session.title}`);
  const asked = useAsked<TaskDetail>('task', { job, key: taskKey }, 5);
  const { ask } = useAsk();
  const data = asked.data;
  const act = (action: string, icon: string, label: string) => {
    const can = data !== null && takes[action]!.includes(data.task.state);
    const opened = onRecords(action, job, { keys: [taskKey] }, `task ${keyText(taskKey)}`, data?.task.state === 'running');
    return (
      <Button
        icon={icon}
        disabled={!can}
        onClick={() =>
          ask({
            ...opened,
            act: async (...given) => {
              const text = await opened.act(...given);
              asked.again();
              return text;
            },
          })
        }
      >
        {label}
      </Button>
    );
  };
  return (
    <>
      <div class="title">
        <h1>
          <a class="up" href={to(['jobs', job])}>
            {job}
          </a>
          <span class="name key">{keyText(taskKey)}</span> {data && <StateBadge state={data.task.state} />}
        </h1>
        {session.mayAct && (
          <div class="actions">
            {act('retry', 'retry', 'Retry')}
            {act('relaunch', 'run', 'Relaunch')}
            {act('runnow', 'play', 'Run now')}
            {act('skip', 'skip', 'Skip')}
            {act('cancel', 'cancel', 'Cancel')}
          </div>
        )}
      </div>
      {asked.status === 404 ? (
        <Empty title="There is no such record">
          The table of {job} has none with the key {keyText(taskKey)}. <a href={to(['tasks'], { job })}>All tasks of {job}</a>
        </Empty>
      ) : (
        <Answer asked={asked} rows={10}>
          {(seen) => <Details data={seen} job={job} />}
        </Answer>
      )}
    </>
  );
}

/** The worker's tasks, and the node that it lives on. */
function WorkerLink({ worker, job }: { worker: string; job: string }) {
  const { snapshot } = useLive();
  // An id is its node's name with a number; whether there is such a node the cluster says.
  const name = snapshot?.workers.find((w) => w.id === worker)?.node ?? worker.replace(/\.\d+$/, '');
  // Of very many not all are told.
  const isThere = snapshot !== null && (snapshot.nodes.some((n) => n.name === name) || snapshot.nodeCount > snapshot.nodes.length);
  return (
    <>
      <a href={to(['tasks'], { job, worker })}>{worker}</a>
      {isThere && (
        <>
          {' '}
          on <a href={to(['nodes'], { node: name })}>node {name}</a>
        </>
      )}
    </>
  );
}

/** How long ago something was by the database's clock, from second to second. */
function Since({ at }: { at: string }) {
  const { snapshot, cameAt } = useLive();
  const now = useNow();
  const there = snapshot ? Date.parse(snapshot.at) + snapshot.ageSeconds * 1_000 + (now - cameAt) : now;
  return <>{age(Math.max(0, (there - Date.parse(at)) / 1_000))}</>;
}

function Details({ data, job }: { data: TaskDetail; job: string }) {
  const { task } = data;
  return (
    <>
      <div class={data.willRun ? 'verdict good' : 'verdict'}>
        <Icon name={data.willRun || task.state === 'completed' ? 'check' : 'info'} />
        <p>
          {spell(data.verdict)}
          {data.nextIn !== null && data.nextIn > 0 && <span class="hush"> Something happens by itself in {duration(data.nextIn)}.</span>}
        </p>
      </div>
      <div class="columns">
        <Panel title="Record">
          <dl class="facts">
            <dt>Attempts</dt>
            <dd>
              {task.attempts} of {data.maxAttempts}
            </dd>
            <dt>Worker</dt>
            <dd>{task.worker ? <WorkerLink worker={task.worker} job={job} /> : <span class="none">–</span>}</dd>
            <dt>{task.worker ? 'Reserved' : 'Due'}</dt>
            <dd>
              <Time at={task.reservedAt} isLong />
            </dd>
            <dt>Started</dt>
            <dd>
              <Time at={task.startedAt} isLong />
            </dd>
            <dt>Ended</dt>
            <dd>
              <Time at={task.endedAt} isLong />
            </dd>
            {task.state === 'running' && task.startedAt && (
              <>
                <dt>Running for</dt>
                <dd>
                  <Since at={task.startedAt} />
                </dd>
              </>
            )}
            {task.startedAt && task.endedAt && (
              <>
                <dt>Took</dt>
                <dd>{duration((Date.parse(task.endedAt) - Date.parse(task.startedAt)) / 1_000)}</dd>
              </>
            )}
            {data.generation !== null && (
              <>
                <dt>Generation</dt>
                <dd>{data.generation}</dd>
              </>
            )}
            {task.values.map((v) => (
              <>
                <dt class="column">{v.column}</dt>
                <dd class="value">{v.text === null ? <span class="none">NULL</span> : v.isCut ? `${spell(v.text)}…` : spell(v.text)}</dd>
              </>
            ))}
          </dl>
          {data.hiddenColumns > 0 && (
            <p class="hush foot">
              {data.hiddenColumns === 1 ? 'The value of one more column is' : `The values of ${data.hiddenColumns} more columns are`} hidden. The option ShowsColumn, or --show of the verb, shows columns.
            </p>
          )}
        </Panel>
        <Panel title="To be started, it must be …">
          <ul class="conditions">
            {data.conditions.map((c) => (
              <li key={c.name} class={c.holds === null ? 'unknown' : c.holds ? 'yes' : 'no'}>
                <Icon name={c.holds === null ? 'info' : c.holds ? 'check' : 'cancel'} />
                <b>{c.name}</b>
                <span>{spell(c.detail)}</span>
              </li>
            ))}
          </ul>
        </Panel>
      </div>
      {task.error && (
        <Panel title={task.state === 'failed' ? 'Error' : 'Error of the last attempt'}>
          <pre class="error-text">{spell(task.error)}</pre>
        </Panel>
      )}
      <Panel title="What happened to it">
        {data.history.length === 0 ? (
          <Empty title="Nothing out of the ordinary">Failed attempts, records taken back from dead workers, and what people did to this record stand here for thirty days.</Empty>
        ) : (
          <ol class="history">
            {data.history.map((h) => (
              <li key={`${h.at}${h.what}`}>
                <Time at={h.at} isLong />
                <b>{h.what}</b>
                <span class="hush">
                  {h.attempt !== null && `attempt ${h.attempt}`} {h.worker && `on ${h.worker}`} {h.by && `by ${h.by}`}
                </span>
                {h.text && <pre>{spell(h.text)}</pre>}
              </li>
            ))}
          </ol>
        )}
      </Panel>
    </>
  );
}
