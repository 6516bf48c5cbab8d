import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { loadSession, post } from './api';
import { actionWords, age, count, database, zone } from './format';
import { useLive } from './live';
import { go, to } from './router';
import type { Operation, Session } from './shapes';
import { Button } from './ui/basics';
import { useAsk } from './ui/dialog';
import { Icon, Mark } from './ui/icons';
import { choose, useChosen, type Theme } from './ui/theme';
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

export function Shell({ session, page, children }: { session: Session; page: string; children: ComponentChildren }) {
  const [isHelp, setHelp] = useState(false);
  useKeys(() => setHelp(true));
  const here = page === 'jobs' ? '' : page;
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
            <Button class="quiet" icon="out" title="Sign out" aria-label="Sign out" onClick={() => void post('signout', {}).then(loadSession)} />
          )}
        </div>
      </header>
      <Banner />
      <Strip session={session} />
      <main id="main" tabIndex={-1}>
        {children}
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
  const seconds = snapshot ? Math.max(0, (now - cameAt) / 1_000) + snapshot.ageSeconds : null;
  const isLive = isConnected && snapshot !== null && !snapshot.trouble;
  return (
    <span class={isLive ? 'fresh live' : 'fresh'} title={seconds === null ? 'nothing was seen yet' : `what is shown is ${age(seconds)} old`}>
      <i class="dot" aria-hidden="true" />
      {isLive ? 'live' : seconds === null ? 'waiting' : `${age(seconds)} old`}
    </span>
  );
}

function Banner() {
  const { isConnected, snapshot, cameAt, trouble } = useLive();
  const now = useNow();
  // A moment without connection is nothing that anybody need read.
  const isLost = !isConnected && trouble !== null && (snapshot === null || now - cameAt > 4_000);
  const why = isLost ? trouble : (snapshot?.trouble ?? null);
  if (!why) return null;
  const seconds = snapshot ? (now - cameAt) / 1_000 + snapshot.ageSeconds : null;
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

/** Actions on many records that go on. */
function Strip({ session }: { session: Session }) {
  const { snapshot } = useLive();
  const { say } = useAsk();
  const now = useNow();
  const seen = useRef(Date.now());
  const all = (snapshot?.operations ?? []).filter((o) => !o.isDone || (o.error && o.error !== 'stopped' && Date.parse(o.began) > seen.current - 600_000));
  if (all.length === 0) return null;
  const stop = (o: Operation): void => void post<{ text: string }>('stop', { id: o.id }).then((d) => say(d.text), (e: Error) => say(e.message, true));
  return (
    <div class="operations">
      {all.slice(0, 3).map((o) => (
        <p key={o.id} class={o.error ? 'bad' : ''}>
          {!o.isDone && <i class="spin" aria-hidden="true" />}
          <b>
            {actionWords[o.action]?.title ?? o.action} {o.job}
          </b>
          <span>
            {o.error ? o.error : `${count(o.changed)} ${actionWords[o.action]?.done ?? 'changed'}`} · {age(Math.max(0, (now - Date.parse(o.began)) / 1_000))}, by {o.who}
          </span>
          {!o.isDone && session.mayAct && (
            <Button class="quiet" onClick={() => stop(o)}>
              Stop
            </Button>
          )}
        </p>
      ))}
    </div>
  );
}

function Clocks() {
  const { snapshot, cameAt } = useLive();
  const now = useNow();
  const at = snapshot ? new Date(Date.parse(snapshot.at) + (now - cameAt)) : new Date(now);
  const here = at.toLocaleTimeString('en-GB');
  return (
    <span class="clocks" title={`Times are shown in your zone, ${zone}; the database's stand beside them or in their tooltips`}>
      {here} <span class="hush">{zone}</span> · {database(at.toISOString())} <span class="hush">as in the database</span>
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
  const links = [...document.querySelectorAll<HTMLElement>('[data-row]')].map((row) => row.querySelector<HTMLElement>('a,button')).filter((l) => l !== null);
  const at = links.findIndex((l) => l.closest('[data-row]')?.contains(document.activeElement));
  links[Math.min(links.length - 1, Math.max(0, at + by))]?.focus();
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
  ['Esc', 'leave a field or a question'],
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
