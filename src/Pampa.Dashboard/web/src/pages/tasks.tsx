import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { onRecords } from '../acts';
import { count, keyText, plural, reason, spell } from '../format';
import { useLive } from '../live';
import { go, isPlainClick, to } from '../router';
import { useSearch, type Phase, type Search } from '../search';
import type { Column, Orders, Session, State, Task, TaskPage } from '../shapes';
import { Answer, Button, Empty, Panel, Skeleton, StateBadge, Time } from '../ui/basics';
import { useAsk } from '../ui/dialog';
import { Icon } from '../ui/icons';
import { useAsked, useTitle } from '../use';
import { filterOf, Filters } from './filters';

const pageLength = 50;

export function Tasks({ query, session }: { query: URLSearchParams; session: Session }) {
  const { snapshot } = useLive();
  const jobs = snapshot?.jobs.map((j) => j.name) ?? [];
  const job = query.get('job') ?? jobs[0] ?? '';
  useTitle(`Tasks · ${job} · ${session.title}`);
  if (!job)
    return (
      <>
        <h1>Tasks</h1>
        {snapshot ? <Empty title="No job">Add one to the program with AddJob, and start it.</Empty> : <Skeleton rows={8} />}
      </>
    );
  return <TasksOf key={job} job={job} jobs={jobs.includes(job) ? jobs : [job, ...jobs]} query={query} session={session} />;
}

/** Asks again when an action on many records of the job has ended. */
function useEnds(job: string, again: () => void): void {
  const { snapshot } = useLive();
  const ended = (snapshot?.operations ?? []).filter((o) => o.job === job && o.isDone).map((o) => o.id).join();
  const known = useRef<string[] | null>(null);
  useEffect(() => {
    if (!snapshot) return;
    const now = ended.split(',');
    // That an old one is not told of any more changes nothing.
    if (known.current && now.some((id) => !known.current!.includes(id))) again();
    known.current = now;
  }, [snapshot, ended]);
}

function TasksOf({ job, jobs, query, session }: { job: string; jobs: string[]; query: URLSearchParams; session: Session }) {
  const { ask } = useAsk();
  const { snapshot } = useLive();
  const filter = useMemo(() => filterOf(query), [query]);
  const order = query.get('order') ?? 'key';
  const after = query.getAll('after');
  const columns = useAsked<{ columns: Column[] }>('columns', { job });
  const shown = useMemo(() => (columns.data?.columns ?? []).filter((c) => c.isShown && !c.isKey), [columns.data]);
  const chosen = query.getAll('column').filter((name) => shown.some((c) => c.name === name));
  // Somebody may make the index meanwhile.
  const orders = useAsked<Orders>('orders', { job, state: filter.states, where: filter.where }, 60);
  const asked = useSearch({
    job,
    state: filter.states,
    prefix: filter.keyPrefix,
    error: filter.error,
    worker: filter.worker,
    moment: filter.from || filter.until ? (filter.moment ?? 'ended') : undefined,
    from: filter.from,
    until: filter.until,
    where: filter.where,
    order,
    column: chosen,
    after: after[after.length - 1],
  }, pageLength, after.length === 0 ? 10 : 0);
  useEnds(job, asked.renew);
  const [chosenKeys, setPicked] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => setPicked(new Set()), [query]);
  // What is not on the page any more cannot be seen to be chosen.
  const picked = useMemo(() => new Set((asked.data?.tasks ?? []).map((t) => t.key).filter((key) => chosenKeys.has(key))), [asked.data, chosenKeys]);
  const pickedRun = picked.size > 0 && (asked.data?.tasks ?? []).every((t) => t.state === 'running' || !picked.has(t.key));
  const change = (changes: Record<string, string | string[] | null>): void => {
    const next = new URLSearchParams(query);
    next.set('job', job);
    if (!('after' in changes)) next.delete('after');
    for (const [name, value] of Object.entries(changes)) {
      next.delete(name);
      for (const one of Array.isArray(value) ? value : [value]) if (one) next.append(name, one);
    }
    go(to(['tasks'], next), !('after' in changes));
  };
  // A page begins at its top: the buttons stand at its foot.
  const turn = (e: Event, to: string[]): void => {
    (e.currentTarget as Element).closest('.panel')?.scrollIntoView();
    change({ after: to });
  };
  // An order by one of their times lists no others: what is done to all that match must not be done to what nobody sees.
  const ofOrder: State[] | null = order === 'longestrunning' ? ['running'] : order === 'latestend' ? ['completed', 'failed'] : null;
  const given = (filter.states ?? []) as State[];
  const listed = ofOrder ? (given.length > 0 ? ofOrder.filter((s) => given.includes(s)) : ofOrder) : given;
  // No states at all mean any, and rows of another question are not those that match this one.
  const isUnseen = !asked.data || asked.data.tasks.length === 0 || asked.isOld || (ofOrder !== null && listed.length === 0);
  const isFiltered = Boolean(ofOrder || filter.states?.length || filter.keyPrefix || filter.error || filter.worker || filter.from || filter.until || filter.where?.length);
  const act = (action: string, label: string, icon: string) => {
    const isPicked = picked.size > 0;
    const opened = isPicked
      ? onRecords(action, job, { keys: [...picked] }, `${plural(picked.size, 'task')} of ${job}`, pickedRun)
      : onRecords(action, job, { filter: { ...filter, states: listed } }, isFiltered ? `all tasks of ${job} that match` : `all tasks of ${job}`, listed.join() === 'running');
    return (
      <Button
        icon={icon}
        disabled={isUnseen || (asked.phase === 'searching' && chosenKeys.size > picked.size)}
        onClick={() => ask({ ...opened, act: async (...given) => opened.act(...given).then((text) => (asked.renew(), text)) })}
      >
        {label}
      </Button>
    );
  };
  return (
    <>
      <div class="title">
        <h1>Tasks</h1>
        <div class="actions">
          <select aria-label="Job" value={job} onChange={(e) => go(to(['tasks'], { job: e.currentTarget.value, state: query.getAll('state') }))}>
            {jobs.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </div>
      </div>
      <Filters noLatest={orders.isOld ? null : (orders.data?.latestEnd ?? null)} job={snapshot?.jobs.find((j) => j.name === job)} query={query} change={change} columns={columns.data?.columns ?? []} shown={shown} chosen={chosen} />
      <Panel
        title={picked.size > 0 ? `${count(picked.size)} chosen` : 'Records'}
        side={
          session.mayAct ? (
            <div class="actions">
              <span class="hush">{picked.size > 0 ? 'With these' : isFiltered ? 'With all that match' : 'With all'}</span>
              {act('retry', 'Retry', 'retry')}
              {act('relaunch', 'Relaunch', 'run')}
              {act('runnow', 'Run now', 'play')}
              {act('skip', 'Skip', 'skip')}
              {act('cancel', 'Cancel', 'cancel')}
            </div>
          ) : (
            <span class="hush">You may look, but not act.</span>
          )
        }
      >
        <Answer asked={asked.phase === 'stopped' && !asked.isOld ? { ...asked, again: asked.goOn } : asked} rows={12}>
          {(data) => (
            <>
              <Hunt search={asked} page={data} />
              <Rows page={data} job={job} chosen={chosen} picked={picked} setPicked={setPicked} isFiltered={isFiltered} mayAct={session.mayAct} phase={asked.phase} />
              <footer class="pager">
                <Button icon="previous" disabled={after.length === 0} onClick={(e) => turn(e, after.slice(0, -1))}>
                  Previous
                </Button>
                <span class="hush">{asked.phase === 'stopped' ? `Page ${after.length + 1}, stopped` : `Page ${after.length + 1}${data.next ? '' : ', the last'}`}</span>
                <Button disabled={!data.next || asked.isOld || asked.phase === 'searching'} onClick={(e) => data.next && turn(e, [...after, data.next])}>
                  Next
                </Button>
              </footer>
            </>
          )}
        </Answer>
      </Panel>
    </>
  );
}

/** How far a search has come that takes longer than a moment. It stands above what is found, so that nothing moves under the hand that stops it. */
function Hunt({ search, page }: { search: Search; page: TaskPage }) {
  const { phase, isOld, stop } = search;
  const isGoing = phase === 'searching' && !isOld;
  // Whoever sees that it can be stopped can stop it: after the next picture would be too late.
  useLayoutEffect(() => {
    if (!isGoing) return undefined;
    const press = (e: KeyboardEvent): void => {
      if (e.key === 'Escape' && !document.querySelector('dialog[open]') && !(e.target as Element).closest('input,select,textarea')) stop();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, [isGoing, stop]);
  if (phase === 'whole') return null;
  const records = (
    <>
      {count(page.lookedAt)}
      <span class="word"> {page.lookedAt === 1 ? 'record' : 'records'}</span>
    </>
  );
  const hits = `${count(page.tasks.length)} found`;
  const [verb, act] = phase === 'searching' ? ['Stop', stop] : phase === 'stopped' ? ['Go on', search.goOn] : ['Search again', search.again];
  return (
    <div class="hunt">
      {phase === 'searching' ? <i class="spin" aria-hidden="true" /> : <Icon name="search" />}
      <p>
        <span>
          {phase === 'stopped' ? 'Stopped after ' : 'Looked at '}
          {phase === 'over' && page.next === null ? 'all records' : records}
          {phase === 'searching' ? ' so far…' : '.'}
        </span>{' '}
        <span>
          <b>{hits}</b>
          {phase !== 'searching' && (
            <span class="hush">
              {' '}
              at <Time at={search.at} />
              {search.isStale && ', changed since'}
            </span>
          )}
        </span>
      </p>
      <span class="unseen" role="status">
        {phase === 'searching' ? 'The search goes on.' : `${phase === 'stopped' ? 'The search was stopped' : 'The search is over'}, ${hits}.`}
      </span>
      <Button disabled={isOld} onClick={act}>
        {verb}
      </Button>
    </div>
  );
}

interface RowsProps {
  page: TaskPage;
  job: string;
  chosen: string[];
  picked: ReadonlySet<string>;
  setPicked: (picked: ReadonlySet<string>) => void;
  isFiltered: boolean;
  mayAct: boolean;
  phase: Phase;
}

function Rows({ page, job, chosen, picked, setPicked, isFiltered, mayAct, phase }: RowsProps) {
  if (page.tasks.length === 0)
    return (
      <Empty title={page.isPartial ? 'Nothing found yet' : isFiltered ? 'No record matches' : 'The table is empty'}>
        {page.isPartial ? (
          `${phase === 'searching' ? 'What is found appears here.' : 'A part of the table was looked at.'} A state, a key or a time makes it quicker.`
        ) : isFiltered ? (
          <>
            Loosen the filter, or <a href={to(['tasks'], { job })}>see all tasks of {job}</a>.
          </>
        ) : (
          'INSERT a record, and it is a task.'
        )}
      </Empty>
    );
  const isAll = page.tasks.every((t) => picked.has(t.key));
  const toggle = (key: string): void => {
    const next = new Set(picked);
    if (!next.delete(key)) next.add(key);
    setPicked(next);
  };
  return (
    <table class="grid tasks">
      <thead>
        <tr>
          {mayAct && (
            <th class="pick">
              <input type="checkbox" aria-label="Choose all of this page" checked={isAll} onChange={() => setPicked(isAll ? new Set() : new Set(page.tasks.map((t) => t.key)))} />
            </th>
          )}
          <th class="key-cell">Key</th>
          <th class="state-cell">State</th>
          <th class="num">Attempts</th>
          <th class="worker-cell">Worker</th>
          <th class="time-cell">Time</th>
          {chosen.map((name) => (
            <th key={name} class="value-cell">{name}</th>
          ))}
          <th class="wide">Error</th>
        </tr>
      </thead>
      <tbody>
        {page.tasks.map((task) => (
          <tr key={task.key} data-row class={picked.has(task.key) ? 'picked' : ''} onClick={(e) => isPlainClick(e) && go(to(['jobs', job, 'tasks', task.key]))}>
            {mayAct && (
              <td class="pick">
                <input type="checkbox" aria-label={`Choose ${keyText(task.key)}`} checked={picked.has(task.key)} onChange={() => toggle(task.key)} />
              </td>
            )}
            <th scope="row" class="key-cell" data-label="Key">
              <a class="name key" href={to(['jobs', job, 'tasks', task.key])} title={spell(task.key)}>
                {keyText(task.key)}
              </a>
            </th>
            <td class="state-cell" data-label="State">
              <StateBadge state={task.state} />
            </td>
            <td class="num" data-label="Attempts">
              {task.attempts}
            </td>
            <td class="worker-cell" data-label="Worker">
              {task.worker ?? <span class="none">–</span>}
            </td>
            <td class="time-cell" data-label="Time">
              <Moment task={task} />
            </td>
            {chosen.map((name) => {
              const value = task.values.find((v) => v.column === name);
              return (
                <td key={name} class="cut value-cell" data-label={name} title={value?.text ?? 'NULL'}>
                  {value?.text ? spell(value.text) : value?.text === '' ? '' : <span class="none">NULL</span>}
                </td>
              );
            })}
            <td class={task.error ? 'wide cut' : 'wide cut is-empty'} data-label="Error" title={spell(task.error ?? '')}>
              {task.error ? reason(task.error) : <span class="none">–</span>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Moment({ task }: { task: Task }) {
  const [word, at] = task.endedAt ? ['ended', task.endedAt] : task.startedAt && task.worker ? ['started', task.startedAt] : task.worker ? ['reserved', task.reservedAt] : ['due', task.reservedAt];
  if (!at) return <span class="none">–</span>;
  return (
    <>
      <span class="hush">{word}</span> <Time at={at} />
    </>
  );
}
