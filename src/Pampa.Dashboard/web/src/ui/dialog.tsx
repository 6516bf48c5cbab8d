import type { ComponentChildren } from 'preact';
import { createContext } from 'preact';
import { useContext, useLayoutEffect, useRef, useState } from 'preact/hooks';

/** What is asked before something is done. */
export interface Ask {
  title: string;
  text: ComponentChildren;
  /** What the button says that does it. */
  verb: string;
  isGrave?: boolean;
  hasReason?: boolean;
  /** For how long: the pause ends by itself. */
  hasEnd?: boolean;
  /** What must be typed, where it concerns very much. */
  mustType?: string;
  /** Something that may be chosen in addition. */
  choice?: { label: string; hint: string; isOn: boolean };
  /** Looked up while the question stands there, and anew when another choice is made: what it would do. */
  preview?: (isChosen: boolean) => Promise<{ text: ComponentChildren; isNothing: boolean; mustType?: string }>;
  act: (reason: string | null, seconds: number | null, isChosen: boolean) => Promise<string>;
}

interface Said {
  id: number;
  text: string;
  isBad: boolean;
}

const Asking = createContext<{ ask: (ask: Ask) => void; say: (text: string, isBad?: boolean) => void }>({ ask: () => {}, say: () => {} });

export const useAsk = () => useContext(Asking);

let ids = 0;

export function AskRoot({ children }: { children: ComponentChildren }) {
  const [ask, setAsk] = useState<Ask | null>(null);
  const [said, setSaid] = useState<Said[]>([]);
  const say = (text: string, isBad = false): void => {
    const id = ++ids;
    setSaid((all) => [...all.slice(-2), { id, text, isBad }]);
    setTimeout(() => setSaid((all) => all.filter((s) => s.id !== id)), isBad ? 12_000 : 6_000);
  };
  return (
    <Asking.Provider value={{ ask: setAsk, say }}>
      {children}
      {ask && <Dialog ask={ask} close={() => setAsk(null)} say={say} />}
      <div class="toasts" role="status" aria-live="polite">
        {said.map((s) => (
          <div key={s.id} class={s.isBad ? 'toast bad' : 'toast'}>
            {s.text}
          </div>
        ))}
      </div>
    </Asking.Provider>
  );
}

const ends: [string, number | null][] = [
  ['until it is resumed', null],
  ['for 15 minutes', 900],
  ['for 1 hour', 3_600],
  ['for 8 hours', 28_800],
  ['for 24 hours', 86_400],
];

function Dialog({ ask, close, say }: { ask: Ask; close: () => void; say: (text: string, isBad?: boolean) => void }) {
  const element = useRef<HTMLDialogElement>(null);
  const [reason, setReason] = useState('');
  const [end, setEnd] = useState(0);
  const [typed, setTyped] = useState('');
  const [isChosen, setChosen] = useState(ask.choice?.isOn ?? false);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const [preview, setPreview] = useState<{ text: ComponentChildren; isNothing: boolean; mustType?: string } | null>(null);
  // Before the next key can be pressed, not after the next picture: an Escape or Enter at once would go to what lies behind.
  useLayoutEffect(() => element.current?.showModal(), []);
  useLayoutEffect(() => {
    if (!ask.preview) return undefined;
    // What was said of the other choice says nothing of this one.
    let isOver = false;
    setPreview(null);
    setError(null);
    ask.preview(isChosen).then(
      (seen) => isOver || setPreview(seen),
      (e: unknown) => isOver || setError(e instanceof Error ? e.message : String(e)),
    );
    return () => void (isOver = true);
  }, [isChosen]);
  const mustType = preview?.mustType ?? ask.mustType;
  const isReady = !isBusy && (!ask.preview || (preview !== null && !preview.isNothing)) && (!mustType || typed === mustType);
  const act = async (): Promise<void> => {
    if (!isReady) return;
    setBusy(true);
    setError(null);
    try {
      say(await ask.act(reason.trim() || null, ends[end]![1], isChosen));
      // The dialog's own end gives the focus back to what had it, and tells of itself.
      element.current?.close();
    } catch (e) {
      setError(e instanceof Error ? e.message : 'The page has met an error of its own.');
      setBusy(false);
    }
  };
  return (
    <dialog ref={element} class="dialog" onClose={close} aria-labelledby="ask-title" onClick={(e) => e.target === element.current && !isBusy && element.current?.close()}>
      <form
        method="dialog"
        onSubmit={(e) => {
          e.preventDefault();
          void act();
        }}
      >
        <h2 id="ask-title">{ask.title}</h2>
        <div class="text">{ask.text}</div>
        {ask.preview && (
          <div class="preview" aria-live="polite">
            {preview ? preview.text : error ? 'It could not be counted.' : 'Counting…'}
          </div>
        )}
        {ask.choice && (
          <label class="check">
            <input type="checkbox" checked={isChosen} disabled={isBusy} onChange={(e) => setChosen(e.currentTarget.checked)} />
            <span>
              {ask.choice.label} <span class="hush">{ask.choice.hint}</span>
            </span>
          </label>
        )}
        {ask.hasEnd && (
          <label>
            How long
            <select value={end} onChange={(e) => setEnd(Number(e.currentTarget.value))}>
              {ends.map(([text], i) => (
                <option key={text} value={i}>
                  {text}
                </option>
              ))}
            </select>
          </label>
        )}
        {ask.hasReason && (
          <label>
            Reason <span class="hush">for whoever asks later; it stands in the audit</span>
            <input type="text" value={reason} maxLength={500} onInput={(e) => setReason(e.currentTarget.value)} autoComplete="off" />
          </label>
        )}
        {mustType && (
          <label>
            <span>
              Type <code>{mustType}</code> to go on
            </span>
            <input type="text" value={typed} onInput={(e) => setTyped(e.currentTarget.value)} autoComplete="off" spellcheck={false} />
          </label>
        )}
        {error && (
          <p class="error" role="alert">
            {error}
          </p>
        )}
        <footer>
          <button type="button" onClick={() => element.current?.close()} disabled={isBusy}>
            Leave it
          </button>
          <button type="submit" class={ask.isGrave ? 'grave' : 'primary'} disabled={!isReady}>
            {isBusy ? 'Working…' : ask.verb}
          </button>
        </footer>
      </form>
    </dialog>
  );
}
