import type { ComponentChildren, JSX } from 'preact';
import { age, database, local, spell } from '../format';
import type { Held, State } from '../shapes';
import { Icon } from './icons';

export function Badge({ state, children }: { state: string; children?: ComponentChildren }) {
  return (
    <span class={`badge ${state}`}>
      <i class="dot" aria-hidden="true" />
      {children ?? state}
    </span>
  );
}

export function StateBadge({ state }: { state: State }) {
  return <Badge state={state} />;
}

export function HeldBadge({ held, left }: { held: Held | null; left?: number }) {
  if (!held) return null;
  const until = held.endsIn === null ? 'until it is resumed' : `for ${age(held.endsIn)} more`;
  return (
    <span class="badge held" title={`Paused for ${age(held.heldFor)}, ${until}${held.reason ? `: ${spell(held.reason)}` : ''}`}>
      <i class="dot" aria-hidden="true" />
      {left ? `draining, ${left} left` : 'paused'}
    </span>
  );
}

/** A moment in the viewer's zone; the database's stands beside it, or where there is no room in the tooltip. */
export function Time({ at, isLong }: { at: string | null; isLong?: boolean }) {
  if (!at) return <span class="none">–</span>;
  if (!isLong)
    return (
      <time dateTime={at} title={`${database(at)} (the database's time)`}>
        {local(at)}
      </time>
    );
  return (
    <time dateTime={at}>
      {local(at)} <span class="beside">{database(at)}</span>
    </time>
  );
}

export function Empty({ title, children, isGood }: { title: string; children?: ComponentChildren; isGood?: boolean }) {
  return (
    <div class="empty">
      <Icon name={isGood ? 'check' : 'inbox'} />
      <strong>{title}</strong>
      {children && <p>{children}</p>}
    </div>
  );
}

export function Failing({ error, again }: { error: string; again?: () => void }) {
  return (
    <div class="failing" role="alert">
      <Icon name="alert" />
      <div>
        <strong>That did not work.</strong>
        <p>{spell(error)}</p>
      </div>
      {again && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Skeleton({ rows = 5 }: { rows?: number }) {
  return (
    <div class="skeleton" aria-hidden="true">
      {Array.from({ length: rows }, (_, i) => (
        <i key={i} />
      ))}
    </div>
  );
}

export function Panel({ title, side, children, class: more = '' }: { title: ComponentChildren; side?: ComponentChildren; children: ComponentChildren; class?: string }) {
  return (
    <section class={`panel ${more}`}>
      <header>
        <h2>{title}</h2>
        {side && <div class="side">{side}</div>}
      </header>
      {children}
    </section>
  );
}

export function Stat({ label, value, hint, tone, href }: { label: string; value: ComponentChildren; hint?: ComponentChildren; tone?: string; href?: string }) {
  const inner = (
    <>
      <span class="label">{label}</span>
      <span class={`value ${tone ?? ''}`}>{value}</span>
      <span class="hint">{hint ?? ' '}</span>
    </>
  );
  return href ? (
    <a class="stat" href={href}>
      {inner}
    </a>
  ) : (
    <div class="stat">{inner}</div>
  );
}

export function Button({ icon, children, ...rest }: { icon?: string; children?: ComponentChildren } & JSX.HTMLAttributes<HTMLButtonElement> & { disabled?: boolean }) {
  return (
    <button type="button" {...rest}>
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}
