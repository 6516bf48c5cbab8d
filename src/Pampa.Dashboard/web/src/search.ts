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
  stop: () => void;
  goOn: () => void;
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
const longestRest = 1_000;
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

  const show = (next: Found): void => {
    latest.current = next;
    setFound(next);
  };

  useEffect(() => {
    const { signal } = (asking.current = new AbortController());
    const own = (): Found | null => (latest.current?.question === question ? latest.current : null);

    const search = async (from: Found | null): Promise<void> => {
      let at = from;
      do {
        const before = at?.took ?? 0;
        at = await lookOn(question, query, limit, at, signal);
        if (signal.aborted) return;
        show(at);
        // The database has at least half of the time for others.
        if (at.phase === 'searching') await rest(Math.min(longestRest, Math.max(shortestRest, at.took - before)), signal);
      } while (at.phase === 'searching' && !signal.aborted);
    };

    // What is asked anew by itself replaces the old when it is whole, and looks like it.
    const renew = async (): Promise<void> => {
      let at = await lookOn(question, query, limit, null, signal);
      while (at.phase === 'searching' && !signal.aborted) {
        await rest(shortestRest, signal);
        at = await lookOn(question, query, limit, at, signal);
      }
      if (!signal.aborted) show({ ...at, phase: own()?.phase ?? at.phase });
    };

    // Returns how long to leave the server alone: what has kept it busy in vain does not do so all the time.
    const attempt = async (ask: () => Promise<void>): Promise<number> => {
      const began = performance.now();
      try {
        await ask();
        if (!signal.aborted) setTrouble(null);
      } catch (e) {
        if (signal.aborted) return 0;
        setTrouble({ question, error: e instanceof Refusal ? e.message : 'The page has met an error of its own.' });
        const seen = own();
        if (seen?.phase === 'searching') show({ ...seen, phase: 'stopped' });
        return Math.min(longestWait, (performance.now() - began) * 20);
      }
      return 0;
    };

    const run = async (): Promise<void> => {
      const begun = start.current?.question === question ? start.current : recall(question);
      start.current = null;
      if (begun) show(begun);
      let wait = !begun || begun.phase === 'searching' ? await attempt(() => search(begun)) : 0;
      while (everySeconds > 0 && !signal.aborted) {
        const seen = own();
        if (seen && (seen.phase === 'stopped' || seen.took > everySeconds * 200)) return;
        await rest(Math.max(everySeconds * 1_000, wait), signal);
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
    kept = null;
    latest.current = null;
    setTurn((t) => t + 1);
  }, []);
  const stop = useCallback(() => {
    if (latest.current?.phase !== 'searching') return;
    asking.current?.abort();
    show({ ...latest.current, phase: 'stopped' });
  }, []);
  const goOn = useCallback(() => {
    if (latest.current) start.current = { ...latest.current, phase: 'searching' };
    setTurn((t) => t + 1);
  }, []);

  return {
    data: found,
    error: trouble?.question === question ? trouble.error : null,
    isOld: found !== null && found.question !== question,
    phase: found?.phase ?? 'whole',
    at: new Date(found?.at ?? 0).toISOString(),
    again,
    stop,
    goOn,
  };
}
