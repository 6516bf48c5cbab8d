import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { loadSession, post } from './api';
import { told } from './acts';
import { actionWords, age, count, database, plural, spell, zone } from './format';
import { useLive } from './live';
import { go, to, wentOnward } from './router';
import type { Operation, Session, Snapshot } from './shapes';
import { Button, Failing } from './ui/basics';
import { useAsk } from './ui/dialog';
import { Icon, Mark } from './ui/icons';
import { choose, useChosen, type Theme } from './ui/theme';
import { chooseZone, useZone } from './ui/zone';
import { useNow } from './use';

const pages: [string, string, string][] = [
  ['', 'Overview', 'overview'],
  ['tasks', 'Tasks', 'tasks'],
  ['nodes', 'Nodes', 'nodes'],
  ['schedules', 'Schedules', 'schedules'],
  ['audit', 'Audit', 'audit'],
  ['health', 'Health', 'health'],
];

const jumps: Record<string, string> = { o: '', t: 'tasks', n: 'nodes', s: 'schedules', a: 'audit', h: 'health' };

export function Shell({ session, path, children }: { session: Session; path: string[]; children: ComponentChildren }) {
  const [isHelp, setHelp] = useState(false);
  useKeys(() => setHelp(true));
  useArrival(path.join('/'));
  const { say } = useAsk();
  const { snapshot, trouble } = useLive();
  const page = path[0] ?? '';
  const here = page === 'jobs' ? '' : page;
  // Of what was never seen nothing can be said, and least of all that there is none.
  const unseen = snapshot === null ? trouble : isBlind(snapshot) ? snapshot.trouble : null;
  return (
    <div class="shell">
      <a class="jump" href="#main" onClick={(e) => (e.preventDefault(), document.getElementById('main')?.focus())}>
        To the content
      </a>
      <header class="bar-top">
        <a class="brand" href={to([])}>
          <Mark />
          <span>{session.title}</span>
        </a>
        <nav aria-label="Pages">
          {pages.map(([path, label, icon]) => (
            <a key={path} href={to(path ? [path] : [])} aria-current={here === path ? 'page' : undefined}>
              <Icon name={icon} />
              <span>{label}</span>
              {path === 'health' && <Alarm />}
            </a>
          ))}
        </nav>
        <div class="tools">
          <Freshness />
          <ThemeSwitch />
          <Button class="quiet keys" icon="keyboard" onClick={() => setHelp(true)} title="Keys (?)" aria-label="Keys" />
          {session.asksSecret && (
            <Button class="quiet" icon="out" title="Sign out" aria-label="Sign out" onClick={() => void post('signout', {}).then(loadSession).catch((e: Error) => say(`Not signed out: ${e.message}`, true))} />
          )}
        </div>
      </header>
      <Banner />
      <Strip session={session} />
      <main id="main" tabIndex={-1}>
        {unseen ? (
          <>
            <h1>{pages.find(([p]) => p === here)?.[1] ?? session.title}</h1>
            <Failing title="Nothing was seen yet." error={unseen} />
          </>
        ) : (
          children
        )}
      </main>
      <footer class="bar-bottom">
        <Clocks />
        <span class="cut">{session.database ?? ''}</span>
        <span>
          {session.isReadOnly ? 'read-only · ' : ''}
          {session.who ? `${session.who} · ` : ''}Pampa {session.version}
        </span>
      </footer>
      {isHelp && <Keys close={() => setHelp(false)} />}
    </div>
  );
}

/** Whether it says only that nothing could be seen, and never could. */
function isBlind(snapshot: Snapshot): boolean {
  return snapshot.trouble !== null && snapshot.jobs.length === 0;
}

function Alarm() {
  const { snapshot } = useLive();
  const findings = snapshot?.health?.findings ?? [];
  const worst = findings.some((f) => f.severity === 'error') ? 'error' : findings.some((f) => f.severity === 'warning') ? 'warning' : null;
  return worst && <i class={`alarm ${worst}`} role="img" aria-label={worst === 'error' ? 'errors' : 'warnings'} />;
}

/** Whether what is shown is what is. */
function Freshness() {
  const { isConnected, snapshot, cameAt } = useLive();
  const now = useNow();
  const isSeen = snapshot !== null && !isBlind(snapshot);
  const seconds = isSeen ? Math.max(0, (now - cameAt) / 1_000) + snapshot.ageSeconds : null;
  const isLive = isConnected && snapshot !== null && !snapshot.trouble;
  return (
    <span class={isLive ? 'fresh live' : 'fresh'} title={seconds === null ? 'nothing was seen yet' : `what is shown is ${age(seconds)} old`}>
      <i class="dot" aria-hidden="true" />
      {isLive ? 'live' : seconds === null ? 'waiting' : `${age(seconds)} old`}
    </span>
  );
}

function Banner() {
  const { isConnected, isAsked, snapshot, cameAt, trouble } = useLive();
  const now = useNow();
  if (isAsked && !snapshot?.trouble)
    return (
      <div class="banner" role="status">
        <Icon name="alert" />
        <p>
          <b>No live updates.</b> The server keeps as many pages up to date already as it may, or something in between lets no stream through. This page asks every ten seconds instead.
        </p>
      </div>
    );
  // A moment without connection is nothing that anybody need read.
  const isLost = !isConnected && !isAsked && trouble !== null && (snapshot === null || now - cameAt > 4_000);
  const why = isLost ? trouble : (snapshot?.trouble ?? null);
  if (!why) return null;
  const seconds = snapshot && !isBlind(snapshot) ? (now - cameAt) / 1_000 + snapshot.ageSeconds : null;
  return (
    <div class="banner" role="alert">
      <Icon name="alert" />
      <p>
        <b>{isLost ? 'Not connected.' : 'The database does not answer.'}</b> {why} {seconds !== null && seconds > 1 && <>What is shown is {age(seconds)} old. </>}
        It is tried again by itself.
      </p>
    </div>
  );
}

function titled(o: Operation): string {
  return o.kind === 'tick' ? 'Run' : (actionWords[o.action]?.title ?? o.action);
}

function ended(o: Operation): string {
  if (o.kind === 'tick') return o.error ? `The tick of ${o.job} is stopped, unless it had ended just then.` : `schedule ${o.job} has had a tick.`;
  return `${titled(o)} ${o.job}${o.error ? ' is stopped' : ''}: ${plural(o.changed, 'record')} ${actionWords[o.action]?.done ?? 'changed'}.`;
}

/** Actions on many records and ticks by hand that go on, and how they have ended. */
function Strip({ session }: { session: Session }) {
  const { snapshot, cameAt } = useLive();
  const { say } = useAsk();
  const now = useNow();
  const [away, setAway] = useState<ReadonlySet<string>>(new Set());
  const going = useRef(new Set<string>());
  const operations = snapshot?.operations ?? [];
  useEffect(() => {
    for (const o of operations) {
      if (!o.isDone) going.current.add(o.id);
      else if (going.current.delete(o.id) && !told.has(o.id) && (!o.error || o.error === 'stopped')) say(ended(o));
    }
  }, [snapshot]);
  // By the server's clock, which has told when they began.
  const there = snapshot ? Date.parse(snapshot.at) + snapshot.ageSeconds * 1_000 + (now - cameAt) : now;
  const since = (o: Operation): number => Math.max(0, (there - Date.parse(o.began)) / 1_000);
  const all = operations.filter((o) => !away.has(o.id) && (!o.isDone || (o.error && o.error !== 'stopped' && since(o) < 3_600)));
  if (all.length === 0) return null;
  // What goes on can be stopped, and is never hidden by what has failed since.
  const inOrder = [...all.filter((o) => !o.isDone), ...all.filter((o) => o.isDone)];
  const stop = (o: Operation): void => void post<{ text: string }>('stop', { id: o.id }).then((d) => say(d.text), (e: Error) => say(e.message, true));
  return (
    <div class="operations">
      {inOrder.slice(0, 3).map((o) => (
        <p key={o.id} class={o.error ? 'bad' : ''}>
          {!o.isDone && <i class="spin" aria-hidden="true" />}
          <b>
            {titled(o)} {o.job}
          </b>
          <span>
            {o.error ? `${spell(o.error)} · ` : o.kind === 'records' ? `${count(o.changed)} ${actionWords[o.action]?.done ?? 'changed'} · ` : ''}
            {age(since(o))}, by {o.who}
          </span>
          {o.isDone ? (
            <Button class="quiet" onClick={() => setAway(new Set([...away, o.id]))}>
              Put away
            </Button>
          ) : (
            session.mayAct && (
              <Button class="quiet" onClick={() => stop(o)}>
                Stop
              </Button>
            )
          )}
        </p>
      ))}
    </div>
  );
}

function Clocks() {
  const { snapshot, cameAt } = useLive();
  const now = useNow();
  const isDatabase = useZone() === 'database';
  const at = snapshot ? new Date(Date.parse(snapshot.at) + snapshot.ageSeconds * 1_000 + (now - cameAt)) : new Date(now);
  const here = at.toLocaleTimeString('en-GB');
  return (
    <span class="clocks">
      {here} <span class="hush">{zone}</span> · {database(at.toISOString())} <span class="hush">as in the database</span>
      <Button aria-pressed={isDatabase} onClick={() => chooseZone(isDatabase ? 'here' : 'database')}>
        Show the database’s times
      </Button>
    </span>
  );
}

const themes: [Theme, string, string][] = [
  ['auto', 'auto', 'As the system has it'],
  ['light', 'sun', 'Light'],
  ['dark', 'moon', 'Dark'],
];

function ThemeSwitch() {
  const theme = useChosen();
  const at = themes.findIndex(([t]) => t === theme);
  const [, icon, label] = themes[at]!;
  return <Button class="quiet theme" icon={icon} title={`Colours: ${label}`} aria-label={`Colours: ${label}`} onClick={() => choose(themes[(at + 1) % themes.length]![0])} />;
}

function useKeys(help: () => void): void {
  useEffect(() => {
    let first = '';
    let timer: ReturnType<typeof setTimeout> | undefined;
    const press = (e: KeyboardEvent): void => {
      const target = e.target as HTMLElement;
      if (e.ctrlKey || e.metaKey || e.altKey || document.querySelector('dialog[open]')) return;
      if (target.closest('input,select,textarea')) {
        if (e.key === 'Escape') target.blur();
        return;
      }
      if (first === 'g' && e.key in jumps) {
        const page = jumps[e.key]!;
        go(to(page ? [page] : []));
      } else if (e.key === '?') help();
      else if (e.key === '/') {
        const field = document.querySelector<HTMLInputElement>('[data-search]');
        if (field) {
          e.preventDefault();
          field.focus();
          field.select();
        } else go(to(['tasks']));
      } else if (e.key === 'j' || e.key === 'k') move(e.key === 'j' ? 1 : -1);
      first = e.key === 'g' && first !== 'g' ? 'g' : '';
      clearTimeout(timer);
      timer = setTimeout(() => (first = ''), 1_200);
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
}

/** To the row below or above; Enter opens it. */
function move(by: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')];
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const row = rows[Math.min(rows.length - 1, Math.max(0, at + by))];
  if (!row) return;
  const inner = row.querySelector<HTMLElement>('a,button:not(:disabled)');
  if (!inner) row.tabIndex = -1;
  (inner ?? row).focus();
}

/** Another page begins at its top, and whoever is read to hears its title. */
function useArrival(path: string): void {
  const isFirst = useRef(true);
  // With the page and not after its picture: the next key may have gone to a field by then, and what is typed there would be lost.
  useLayoutEffect(() => {
    const isOnward = wentOnward();
    if (isFirst.current) {
      isFirst.current = false;
      return;
    }
    if (isOnward) scrollTo(0, 0);
    const title = document.querySelector<HTMLElement>('main h1');
    if (!title) return;
    title.tabIndex = -1;
    title.focus({ preventScroll: true });
  }, [path]);
}

const keys: [string, string][] = [
  ['g o', 'overview'],
  ['g t', 'tasks'],
  ['g n', 'nodes and workers'],
  ['g s', 'schedules'],
  ['g a', 'audit'],
  ['g h', 'health'],
  ['/', 'search'],
  ['j  k', 'next and previous row'],
  ['Enter', 'open the row'],
  ['Esc', 'leave a field or a question, stop a search'],
  ['?', 'this list'],
];

function Keys({ close }: { close: () => void }) {
  const element = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => element.current?.showModal(), []);
  return (
    <dialog ref={element} class="dialog keys-list" onClose={close} onClick={(e) => e.target === element.current && element.current?.close()} aria-labelledby="keys-title">
      <h2 id="keys-title">Keys</h2>
      <dl>
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              {key.split(/ +/).map((k) => (
                <kbd key={k}>{k}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <footer>
        <button type="button" class="primary" onClick={() => element.current?.close()}>
          Close
        </button>
      </footer>
    </dialog>
  );
}
