import { useEffect, useState } from 'preact/hooks';
import { get, loadSession, Refusal } from './api';
import type { Snapshot } from './shapes';

/** How it stands with the stream: what was last seen, when, and whether more comes. */
export interface Live {
  snapshot: Snapshot | null;
  /** When the last snapshot came, by this computer's clock. */
  cameAt: number;
  isConnected: boolean;
  /** Without the stream, whose place the server or something in between refuses: an ordinary question every now and then is answered. */
  isAsked: boolean;
  trouble: string | null;
}

let live: Live = { snapshot: null, cameAt: 0, isConnected: false, isAsked: false, trouble: null };
const listeners = new Set<(live: Live) => void>();
let source: EventSource | null = null;
let retry: ReturnType<typeof setTimeout> | undefined;
let wait = 1_000;
let refused = 0;
const silence = 25_000;
let watchdog: ReturnType<typeof setTimeout> | undefined;

function change(part: Partial<Live>): void {
  live = { ...live, ...part };
  for (const tell of listeners) tell(live);
}

function heard(): void {
  clearTimeout(watchdog);
  // A connection that is dead without having been closed says nothing at all.
  watchdog = setTimeout(() => lost('The server has not said anything for a while.'), silence);
}

function lost(why: string): void {
  source?.close();
  source = null;
  clearTimeout(watchdog);
  clearTimeout(retry);
  change({ isConnected: false, trouble: why });
  retry = setTimeout(open, wait);
  wait = Math.min(wait * 2, 10_000);
}

function receive(snapshot: Snapshot): void {
  change({ snapshot, cameAt: Date.now(), isConnected: true, isAsked: false, trouble: null });
  wait = 1_000;
  refused = 0;
}

let isWanted = false;

export function connect(): void {
  isWanted = true;
  open();
}

function open(): void {
  // A browser keeps few connections to one server: a page that nobody looks at leaves them to the others.
  if (document.hidden) return;
  source?.close();
  source = new EventSource('api/stream');
  heard();
  source.addEventListener('here', heard);
  source.addEventListener('snapshot', (event) => {
    heard();
    receive(JSON.parse((event as MessageEvent<string>).data) as Snapshot);
  });
  source.onerror = () => {
    // A stream does not tell why it was refused; an ordinary question does.
    lost('The connection to the server is lost.');
    void get<Snapshot>('overview').then(
      // Once may be a connection that was just then made anew.
      (snapshot) => !live.isConnected && change({ snapshot, cameAt: Date.now(), isAsked: ++refused > 1 }),
      (e: unknown) => {
        change({ isAsked: false });
        if (e instanceof Refusal && e.status === 401) void loadSession();
        else if (e instanceof Refusal && e.status > 0) change({ trouble: e.message });
      },
    );
  };
}

function close(): void {
  source?.close();
  source = null;
  clearTimeout(watchdog);
  clearTimeout(retry);
}

export function disconnect(): void {
  isWanted = false;
  close();
}

export function useLive(): Live {
  const [now, setNow] = useState(live);
  useEffect(() => {
    setNow(live);
    listeners.add(setNow);
    return () => void listeners.delete(setNow);
  }, []);
  return now;
}

document.addEventListener('visibilitychange', () => {
  if (document.hidden) {
    close();
    change({ isConnected: false, isAsked: false, trouble: null });
  } else if (isWanted) {
    wait = 1_000;
    clearTimeout(retry);
    open();
  }
});
