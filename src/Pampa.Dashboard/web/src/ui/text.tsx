import { useEffect, useRef, useState } from 'preact/hooks';

interface TextProps {
  name: string;
  label: string;
  value: string | null;
  change: (changes: Record<string, string | null>) => void;
  /** What stands in the empty field; else its label. */
  hint?: string;
  list?: string;
  isFirst?: boolean;
}

/** A text that filters a moment after the last key, or at once with Enter. */
export function Text({ name, label, value, change, hint, list, isFirst }: TextProps) {
  const [text, setText] = useState(value ?? '');
  const timer = useRef<ReturnType<typeof setTimeout>>();
  const latest = useRef(change);
  latest.current = change;
  // What comes back of what was typed here is older than the keys since.
  const sent = useRef(value ?? '');
  useEffect(() => {
    if ((value ?? '') === sent.current) return;
    sent.current = value ?? '';
    setText(value ?? '');
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const send = (next: string): void => {
    clearTimeout(timer.current);
    if (next === sent.current) return;
    sent.current = next;
    latest.current({ [name]: next || null });
  };
  return (
    <input
      type="search"
      class="text"
      aria-label={label}
      placeholder={hint ?? label}
      value={text}
      list={list}
      autoComplete="off"
      spellcheck={false}
      data-search={isFirst ? '' : undefined}
      onInput={(e) => {
        const next = e.currentTarget.value;
        setText(next);
        clearTimeout(timer.current);
        // A condition is only whole when it is written to its end, and one that is empty for a moment is not taken away under the hand.
        if (name !== 'where') timer.current = setTimeout(() => send(next), 400);
      }}
      onKeyDown={(e) => e.key === 'Enter' && send(text)}
      onBlur={() => send(text)}
    />
  );
}
