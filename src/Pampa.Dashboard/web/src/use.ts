import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { get, Refusal } from './api';

/** What was asked for: the answer stays while a newer one is on its way. */
export interface Answered<T> {
  data: T | null;
  error: string | null;
  /** Whether the answer is one to another question: what it says of this one nobody knows yet. */
  isOld: boolean;
  again: () => void;
}

export interface Asked<T> extends Answered<T> {
  status: number;
  isBusy: boolean;
  /** When the answer came; null: none has come yet. */
  at: string | null;
}

export type Questions = Record<string, string | number | string[] | undefined | null>;

/** Asks the server, again when the question changes, and every so many seconds while the page is looked at. */
export function useAsked<T>(path: string | null, query: Questions = {}, everySeconds = 0): Asked<T> {
  const [state, setState] = useState<Omit<Asked<T>, 'again' | 'isOld'> & { question: string; answered: string }>({ data: null, error: null, status: 0, isBusy: true, at: null, question: '', answered: '' });
  const question = path === null ? '' : JSON.stringify([path, query]);
  const [turn, setTurn] = useState(0);
  const asking = useRef<AbortController | null>(null);
  useEffect(() => {
    if (path === null) return undefined;
    const abort = new AbortController();
    asking.current?.abort();
    asking.current = abort;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      setState((s) => (s.question === question ? { ...s, isBusy: true } : { ...s, isBusy: true, question, error: null }));
      try {
        const data = await get<T>(path, query, abort.signal);
        if (!abort.signal.aborted) setState({ data, error: null, status: 200, isBusy: false, at: new Date().toISOString(), question, answered: question });
      } catch (e) {
        if (abort.signal.aborted) return;
        const refusal = e instanceof Refusal ? e : new Refusal(0, 'The page has met an error of its own.');
        setState((s) => ({ ...s, error: refusal.message, status: refusal.status, isBusy: false }));
      }
      if (everySeconds > 0 && !abort.signal.aborted) timer = setTimeout(() => void (document.hidden ? later() : ask()), everySeconds * 1_000);
    };
    const later = (): void => {
      timer = setTimeout(() => void (document.hidden ? later() : ask()), 1_000);
    };
    void ask();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
    // The question says all that path and query say.
  }, [question, everySeconds, turn]);
  const again = useCallback(() => setTurn((t) => t + 1), []);
  const isOfThis = state.question === question;
  return { data: state.data, error: isOfThis ? state.error : null, status: isOfThis ? state.status : 0, isBusy: state.isBusy, at: state.at, isOld: state.data !== null && state.answered !== question, again };
}

/** This computer's clock, once a second. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title;
  }, [title]);
}
