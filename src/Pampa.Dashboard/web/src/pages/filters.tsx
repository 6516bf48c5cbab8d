import { useEffect, useRef, useState } from 'preact/hooks';
import { compact, count, ofField, plural, spell, toField, zone as here } from '../format';
import { states, type Column, type Filter, type Job, type State } from '../shapes';
import { Button } from '../ui/basics';
import { Text } from '../ui/text';
import { useZone } from '../ui/zone';

const orders: [string, string][] = [
  ['key', 'by key'],
  ['keydescending', 'by key, last first'],
  ['latestend', 'ended last first'],
  ['longestrunning', 'running longest first'],
];

const moments: [string, string][] = [
  ['ended', 'ended'],
  ['started', 'started'],
  ['reserved', 'reserved or due'],
];

/** What is asked for by an address. */
export function filterOf(query: URLSearchParams): Filter {
  const text = (name: string): string | undefined => query.get(name) || undefined;
  const at = (name: string): string | undefined => {
    const value = text(name);
    const moment = value ? new Date(value) : null;
    return moment && !Number.isNaN(moment.getTime()) ? moment.toISOString() : undefined;
  };
  const filter: Filter = {
    states: query.getAll('state'),
    keyPrefix: text('prefix'),
    error: text('error'),
    worker: text('worker'),
    moment: text('moment'),
    from: at('from'),
    until: at('until'),
    where: conditionsOf(query),
  };
  return filter;
}

function conditionsOf(query: URLSearchParams): string[] {
  return query.getAll('where').filter((w) => w.trim().length > 0);
}

interface FiltersProps {
  /** Why the order of the end is not to be had; null: it is, as far as is known. */
  noLatest: string | null;
  /** What was last seen of the job; undefined: nothing yet. */
  job: Job | undefined;
  query: URLSearchParams;
  change: (changes: Record<string, string | string[] | null>) => void;
  columns: Column[];
  shown: Column[];
  chosen: string[];
}

export function Filters({ noLatest, job, query, change, columns, shown, chosen }: FiltersProps) {
  const picked = query.getAll('state');
  // What is filtered by is never out of sight.
  const isNeeded = ['worker', 'moment', 'from', 'until', 'where', 'column'].some((name) => query.has(name));
  const [isOpen, setOpen] = useState(isNeeded);
  useEffect(() => setOpen((was) => was || isNeeded), [isNeeded]);
  const isUtc = useZone() === 'database';
  const zone = isUtc ? 'UTC' : here;
  return (
    <form class="filters" role="search" onSubmit={(e) => e.preventDefault()}>
      <div class="chips" role="group" aria-label="States">
        {states.map((s) => (
          <button key={s} type="button" class={`chip ${s}`} aria-pressed={picked.includes(s)} title={saysOf(job, s)} onClick={() => change({ state: picked.includes(s) ? picked.filter((p) => p !== s) : [...picked, s] })}>
            <i class="dot" aria-hidden="true" />
            {s}
            <Count job={job} state={s} />
          </button>
        ))}
      </div>
      <Text name="error" label="Error contains" value={query.get('error')} change={change} isFirst />
      <Text name="prefix" label="Key begins with" value={query.get('prefix')} change={change} />
      <select aria-label="Order" title={noLatest ?? undefined} aria-describedby={noLatest === null ? undefined : 'no-latest'} value={query.get('order') ?? 'key'} onChange={(e) => change({ order: e.currentTarget.value === 'key' ? null : e.currentTarget.value })}>
        {orders.map(([value, label]) => (
          <option key={value} value={value} disabled={value === 'latestend' && noLatest !== null}>
            {value === 'latestend' && noLatest !== null ? `${label} (needs an index)` : label}
          </option>
        ))}
      </select>
      <button type="button" class="quiet" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {isOpen ? 'Fewer' : 'More'}
      </button>
      {isOpen && (
        <div class="more">
          <Text name="worker" label="Worker" value={query.get('worker')} change={change} />
          <label>
            Time
            <select value={query.get('moment') ?? 'ended'} onChange={(e) => change({ moment: e.currentTarget.value === 'ended' ? null : e.currentTarget.value })}>
              {moments.map(([value, label]) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </select>
          </label>
          <label>
            <span>
              from <span class="hush">{zone}</span>
            </span>
            <input type="datetime-local" value={toField(query.get('from') ?? '', isUtc)} onChange={(e) => change({ from: ofField(e.currentTarget.value, isUtc) })} />
          </label>
          <label>
            <span>
              until <span class="hush">{zone}</span>
            </span>
            <input type="datetime-local" value={toField(query.get('until') ?? '', isUtc)} onChange={(e) => change({ until: ofField(e.currentTarget.value, isUtc) })} />
          </label>
          <Conditions given={conditionsOf(query)} change={(where) => change({ where })} columns={columns.filter((c) => c.isSearchable)} />
          {shown.length > 0 && (
            <fieldset class="chips">
              <legend>Show</legend>
              {shown.map((c) => (
                <button key={c.name} type="button" class="chip" aria-pressed={chosen.includes(c.name)} onClick={() => change({ column: chosen.includes(c.name) ? chosen.filter((n) => n !== c.name) : [...chosen, c.name], after: query.getAll('after') })}>
                  {c.name}
                </button>
              ))}
            </fieldset>
          )}
        </div>
      )}
      {noLatest !== null && (
        <p id="no-latest" class={isOpen ? 'why hush' : 'unseen'}>
          {spell(noLatest)}
        </p>
      )}
    </form>
  );
}

function saysOf(job: Job | undefined, state: State): string | undefined {
  if (!job?.isCounted) return undefined;
  return job[state] > 0 && !job.isExact ? `at least ${count(job[state])} records` : plural(job[state], 'record');
}

/** How many there are of a state, in a place that is kept for it: what stands behind it does not move. */
function Count({ job, state }: { job: Job | undefined; state: State }) {
  return (
    <span class={job?.isCounted && job[state] > 0 ? 'count' : 'count zero'} aria-hidden="true">
      {job?.isCounted ? compact(job[state], job.isExact) : ''}
    </span>
  );
}

/** Every condition that is asked, each to be changed or taken away, and a field for another one. */
function Conditions({ given, change, columns }: { given: string[]; change: (where: string[]) => void; columns: Column[] }) {
  const [isMore, setMore] = useState(false);
  const fields = useRef<HTMLDivElement>(null);
  const isOpen = isMore || given.length === 0;
  useEffect(() => {
    if (isMore) fields.current?.querySelector<HTMLInputElement>('.condition:last-of-type input')?.focus();
  }, [isMore]);
  const put = (at: number, text: string): void => {
    setMore(false);
    if (text || at < given.length) change(text ? [...given.slice(0, at), text, ...given.slice(at + 1)] : given.filter((_, i) => i !== at));
  };
  const hint = `Column: ${columns[0]?.name ?? 'amount'} >= 10`;
  const isAlone = given.length + (isOpen ? 1 : 0) === 1;
  return (
    <div class="where" ref={fields} role="group" aria-label="Conditions">
      {[...given, ...(isOpen ? [''] : [])].map((text, at) => (
        <span key={at} class="condition">
          <Text name="where" label={isAlone ? 'Condition on a column' : `Condition ${at + 1} on a column`} value={text} change={(changes) => put(at, changes.where ?? '')} hint={hint} list="columns" />
          {(text || given.length > 0) && (
            <Button class="quiet" icon="cancel" title="Take it away" aria-label={text ? `Take away condition ${at + 1}: ${text}` : `Take away condition ${at + 1}, which is empty`} onClick={() => put(at, '')} />
          )}
        </span>
      ))}
      {!isOpen && (
        <Button class="quiet" onClick={() => setMore(true)}>
          Add a condition
        </Button>
      )}
      <datalist id="columns">
        {columns.map((c) => (
          <option key={c.name} value={`${/^\w+$/.test(c.name) ? c.name : `"${c.name}"`} = `} />
        ))}
      </datalist>
    </div>
  );
}
