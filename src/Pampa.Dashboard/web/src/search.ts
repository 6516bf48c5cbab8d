import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { changes, get, Refusal } from './api';
import type { Task, TaskPage } from './shapes';
import type { Answered, Questions } from './use';

/** How it stands with a page: it came with one answer, or is searched for, or the search was stopped, or is over. */
export type Phase = 'whole' | 'searching' | 'stopped' | 'over';

/** A page of records that goes on by itself until it is full, nothing is left, or somebody stops it. */
export interface Search extends Answered<TaskPage> {
  phase: Phase;
  /** When the last answer came. */
  at: string;
  /** Whether something was changed since that may show in what was found. */
  isStale: boolean;
  stop: () => void;
  goOn: () => void;
  /** Something was changed: a page that comes at once is asked for anew, what took a search stays until somebody wants it. */
  renew: () => void;
}

interface Found extends TaskPage {
  question: string;
  phase: Phase;
  at: number;
  /** What the server has needed for it, in milliseconds. */
  took: number;
  /** What had been changed from here when it began. */
  changes: number;
}

const shortestRest = 50;
const longestRest = 3_000;
const longestWait = 60_000;
const keptFor = 600_000;

// Whoever opens what was found and comes back does not wait for it once more, as long as he has changed nothing.
let kept: Found | null = null;

function recall(question: string): Found | null {
  return kept?.question === question && kept.changes === changes() && Date.now() - kept.at < keptFor ? kept : null;
}

/** Adds the next answer to what was found. */
async function lookOn(question: string, query: Questions, limit: number, from: Found | null, signal: AbortSignal): Promise<Found> {
  const began = performance.now();
  const page = await get<TaskPage>('tasks', { ...query, after: from ? from.next : query.after, limit: limit - (from?.tasks.length ?? 0) }, signal);
  const tasks: Task[] = from ? [...from.tasks, ...page.tasks] : page.tasks;
  const goesOn = page.isPartial && page.next !== null && tasks.length < limit;
  return {
    ...page,
    tasks,
    lookedAt: (from?.lookedAt ?? 0) + page.lookedAt,
    question,
    phase: goesOn ? 'searching' : from ? 'over' : 'whole',
    at: Date.now(),
    took: (from?.took ?? 0) + performance.now() - began,
    changes: from?.changes ?? changes(),
  };
}

/** Whether it took more than a fifth of the time after which it would be asked for anew. */
function isLong(found: Found, everySeconds: number): boolean {
  return found.took > everySeconds * 200;
}

const byTime = ['latestend', 'longestrunning'];

/** Whether it would go like that again: it was refused, or has taken too long in an order for which all is looked at before the first one is known. */
function isInVain(e: unknown, query: Questions): boolean {
  return e instanceof Refusal && (e.status === 400 || (e.status === 504 && byTime.includes(String(query.order))));
}

async function until(signal: AbortSignal, arm: (done: () => void) => () => void): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      disarm();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const disarm = arm(done);
    signal.addEventListener('abort', done);
  });
}

/** Waits, and longer while nobody looks at the page. */
async function rest(milliseconds: number, signal: AbortSignal): Promise<void> {
  await until(signal, (done) => {
    const timer = setTimeout(done, milliseconds);
    return () => clearTimeout(timer);
  });
  while (document.hidden && !signal.aborted)
    await until(signal, (done) => {
      document.addEventListener('visibilitychange', done);
      return () => document.removeEventListener('visibilitychange', done);
    });
}

/** Asks for a page of records, one answer after the other; and every so many seconds anew, where it takes no more than a fifth of that. */
export function useSearch(query: Questions, limit: number, everySeconds: number): Search {
  const question = JSON.stringify([query, limit]);
  const [found, setFound] = useState<Found | null>(null);
  const [trouble, setTrouble] = useState<{ question: string; error: string } | null>(null);
  const [turn, setTurn] = useState(0);
  const latest = useRef<Found | null>(null);
  const start = useRef<Found | null>(null);
  const asking = useRef<AbortController | null>(null);
  const [isStale, setStale] = useState(false);
  const asked = useRef(query);
  asked.current = query;

  const show = (next: Found): void => {
    latest.current = next;
    setFound(next);
  };

  useEffect(() => {
    const { signal } = (asking.current = new AbortController());
    const own = (): Found | null => (latest.current?.question === question ? latest.current : null);

    // The database has at least half of the time for others: it ends what takes longer.
    const lookAndRest = async (from: Found | null, see?: (found: Found) => void): Promise<Found> => {
      const at = await lookOn(question, query, limit, from, signal);
      if (!signal.aborted) see?.(at);
      if (at.phase === 'searching') await rest(Math.min(longestRest, Math.max(shortestRest, at.took - (from?.took ?? 0))), signal);
      return at;
    };

    const search = async (from: Found | null): Promise<void> => {
      let at = from;
      do {
        at = await lookAndRest(at, (found) => {
          show(found);
          setTrouble(null);
        });
      } while (at.phase === 'searching' && !signal.aborted);
    };

    // What is asked anew by itself replaces the old when it is whole, and looks like it; where that takes long it is a search like any other.
    const renew = async (): Promise<void> => {
      let at = await lookAndRest(null);
      while (at.phase === 'searching' && !signal.aborted) {
        if (isLong(at, everySeconds)) {
          show(at);
          return search(at);
        }
        at = await lookAndRest(at);
      }
      if (!signal.aborted) show({ ...at, phase: own()?.phase ?? at.phase });
    };

    // Returns how long to leave the server alone: what has kept it busy in vain does not do so all the time. Null: until somebody wants it.
    const attempt = async (ask: () => Promise<void>): Promise<number | null> => {
      const began = performance.now();
      try {
        await ask();
        if (!signal.aborted) setTrouble(null);
      } catch (e) {
        if (signal.aborted) return 0;
        setTrouble({ question, error: e instanceof Refusal ? e.message : 'The page has met an error of its own.' });
        const seen = own();
        if (seen?.phase === 'searching') show({ ...seen, phase: 'stopped' });
        if (!seen && isInVain(e, query)) return null;
        return Math.min(longestWait, (performance.now() - began) * 20);
      }
      return 0;
    };

    const run = async (): Promise<void> => {
      const begun = start.current?.question === question ? start.current : recall(question);
      start.current = null;
      if (begun) show(begun);
      let wait = !begun || begun.phase === 'searching' ? await attempt(() => search(begun)) : 0;
      while (everySeconds > 0 && wait !== null && !signal.aborted) {
        const seen = own();
        if (seen?.phase === 'stopped' || (seen?.phase === 'over' && isLong(seen, everySeconds))) return;
        await rest(Math.max(everySeconds * 1_000, Math.min(longestWait, (seen?.took ?? 0) * 5), wait), signal);
        if (!signal.aborted) wait = await attempt(seen ? renew : () => search(null));
      }
    };
    void run();
    return () => {
      asking.current?.abort();
      if (latest.current && latest.current.phase !== 'whole') kept = latest.current;
    };
    // The question says all that the query says.
  }, [question, everySeconds, turn]);

  const again = useCallback(() => {
    asking.current?.abort();
    kept = null;
    setTrouble(null);
    setStale(false);
    const before = latest.current;
    // A search begins at its begin, and can be stopped there.
    if (before && before.phase !== 'whole') {
      const first = typeof asked.current.after === 'string' ? asked.current.after : null;
      start.current = { ...before, tasks: [], lookedAt: 0, next: first, isPartial: true, phase: 'searching', took: 0, changes: changes() };
    } else latest.current = null;
    setTurn((t) => t + 1);
  }, []);
  const renew = useCallback(() => {
    if (!latest.current || latest.current.phase === 'whole') return again();
    // Whoever comes back to it does not find it as it was.
    latest.current = { ...latest.current, changes: -1 };
    setStale(true);
  }, []);
  const stop = useCallback(() => {
    if (latest.current?.phase !== 'searching') return;
    asking.current?.abort();
    show({ ...latest.current, phase: 'stopped' });
  }, []);
  const goOn = useCallback(() => {
    if (latest.current) start.current = { ...latest.current, phase: 'searching' };
    setTrouble(null);
    setTurn((t) => t + 1);
  }, []);

  return {
    data: found,
    error: trouble?.question === question ? trouble.error : null,
    isOld: found !== null && found.question !== question,
    phase: found?.phase ?? 'whole',
    at: new Date(found?.at ?? 0).toISOString(),
    isStale,
    again,
    renew,
    stop,
    goOn,
  };
}
