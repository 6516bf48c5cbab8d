import type { ComponentChildren, JSX } from 'preact';
import { age, count, database, databaseShort, local, spell } from '../format';
import type { Held, State } from '../shapes';
import type { Answered } from '../use';
import { Icon } from './icons';
import { useZone } from './zone';

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

/** A moment as the viewer wants it, in his zone or the database's; the other one stands beside it, or where there is no room in the tooltip. */
export function Time({ at, isLong }: { at: string | null; isLong?: boolean }) {
  const isDatabase = useZone() === 'database';
  if (!at) return <span class="none">–</span>;
  if (!isLong)
    return (
      <time dateTime={at} title={isDatabase ? `${local(at)} (your time)` : `${database(at)} (the database's time)`}>
        {isDatabase ? databaseShort(at) : local(at)}
      </time>
    );
  return (
    <time dateTime={at}>
      {isDatabase ? database(at) : local(at)} <span class="beside">{isDatabase ? local(at) : database(at)}</span>
    </time>
  );
}

/** a, b, c and 12 more. */
export function Some({ names, all, most }: { names: string[]; all: number; most: number }) {
  const told = names.slice(0, most);
  return (
    <>
      <b>{told.join(', ')}</b>
      {told.length < all && ` and ${count(all - told.length)} more`}
    </>
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

export function Failing({ error, again, title = 'That did not work.' }: { error: string; again?: () => void; title?: string }) {
  return (
    <div class="failing" role="alert">
      <Icon name="alert" />
      <div>
        <strong>{title}</strong>
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

/** What was asked for. An error stands above what was last seen; an answer to another question is dimmed, and gone once this one has failed. */
export function Answer<T>({ asked, rows, children }: { asked: Answered<T>; rows: number; children: (data: T) => ComponentChildren }) {
  const { data, error, isOld, again } = asked;
  return (
    <>
      {error && <Failing error={error} again={again} />}
      {data === null ? !error && <Skeleton rows={rows} /> : isOld && error ? null : <div class={isOld ? 'answer waiting' : 'answer'}>{children(data)}</div>}
    </>
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
