const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1, minimumFractionDigits: 1 });

/** 12,345 or, of a count that was cut off, 12,345+. */
export function count(n: number, isExact = true): string {
  return isExact || n === 0 ? whole.format(n) : `${whole.format(n)}+`;
}

/** Short enough for a narrow place: 987, 12.3k, 4.6M. */
export function short(n: number): string {
  if (n < 10_000) return whole.format(n);
  if (n < 999_500) return `${one.format(n / 1_000)}k`;
  return `${one.format(n / 1_000_000)}M`;
}

/** Short enough for a place of some five characters: 987, 9,876, 12k, 250k+, 4.6M. */
export function compact(n: number, isExact = true): string {
  if (!isExact && n > 0) {
    // At least so many: rounded up it would be too many.
    const least = n < 10_000 ? n : n < 1_000_000 ? Math.floor(n / 1_000) * 1_000 : Math.floor(n / 100_000) * 100_000;
    return `${compact(least)}+`;
  }
  return n < 10_000 ? whole.format(n) : n < 999_500 ? `${whole.format(n / 1_000)}k` : `${one.format(n / 1_000_000)}M`;
}

/** A number of an axis: as short as it can be. */
export function tick(n: number): string {
  if (n >= 1_000_000) return `${Number((n / 1_000_000).toFixed(1))}M`;
  return n >= 10_000 ? `${Number((n / 1_000).toFixed(1))}k` : n >= 1_000 ? whole.format(n) : String(Number(n.toFixed(2)));
}

export function rate(n: number | null): string {
  if (n === null) return '–';
  return n >= 100 || n === 0 ? whole.format(n) : n >= 10 ? one.format(n) : n.toFixed(2);
}

/** 850 ms, 12.3 s, 4 m 05 s, 3 h 12 m, 5 d 2 h. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return '–';
  if (seconds < 0.0005) return '0 s';
  if (seconds < 1) return `${Math.round(seconds * 1_000)} ms`;
  if (seconds < 60) return seconds < 10 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds)} s`;
  const s = Math.round(seconds);
  if (s < 3_600) return `${Math.floor(s / 60)} m ${String(s % 60).padStart(2, '0')} s`;
  if (s < 86_400) return `${Math.floor(s / 3_600)} h ${String(Math.floor((s % 3_600) / 60)).padStart(2, '0')} m`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3_600)} h`;
}

/** The same in whole seconds: for what counts up. */
export function age(seconds: number): string {
  return seconds < 60 ? `${Math.max(0, Math.round(seconds))} s` : duration(seconds);
}

export function bytes(n: number | null): string {
  if (n === null) return '–';
  if (n < 1_048_576) return `${whole.format(n / 1_024)} KB`;
  if (n < 1_073_741_824) return `${whole.format(n / 1_048_576)} MB`;
  return `${one.format(n / 1_073_741_824)} GB`;
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const dateAndClock = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' });
const withYear = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' });
const utc = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', timeZone: 'UTC' });
const utcLong = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', timeZone: 'UTC' });

/** In the viewer's zone, with as much of the date as is needed. */
export function local(iso: string, now = new Date()): string {
  const at = new Date(iso);
  if (at.toDateString() === now.toDateString()) return clock.format(at);
  return (at.getFullYear() === now.getFullYear() ? dateAndClock : withYear).format(at);
}

/** As the database has it, without the name of its zone. */
export function databaseShort(iso: string): string {
  return database(iso).replace(/ UTC$/, '');
}

/** As the database has it. */
export function database(iso: string): string {
  const at = new Date(iso);
  const isToday = at.toISOString().slice(0, 10) === new Date().toISOString().slice(0, 10);
  return `${(isToday ? utc : utcLong).format(at)} UTC`;
}

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

export function plural(n: number, word: string, isExact = true): string {
  return `${count(n, isExact)} ${word}${n === 1 && isExact ? '' : 's'}`;
}

// Characters that are not seen, or that turn the order of others round.
const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** A text as it is, but that nothing in it hides or pretends to be another: such characters are spelled. */
export function spell(text: string): string {
  return text.replace(unseen, (c) => `\\u${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`);
}

/** A key, which may be the empty text. */
export function keyText(key: string): string {
  return key === '' ? '(empty)' : spell(key);
}

/** A moment for a field of date and time, and back. */
export function toField(iso: string, isUtc: boolean): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return '';
  return (isUtc ? at : new Date(at.getTime() - at.getTimezoneOffset() * 60_000)).toISOString().slice(0, 16);
}

export function ofField(value: string, isUtc: boolean): string | null {
  const at = new Date(isUtc ? `${value}Z` : value);
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}

/** An error without the name of the exception that every failure for good has. */
export function reason(text: string): string {
  return spell(text.replace(/^PermanentFailureException: /, ''));
}

export const actionWords: Record<string, { title: string; done: string; takes: string }> = {
  retry: { title: 'Retry', done: 'made pending again', takes: 'Failed records are made pending again with all their attempts and the same idempotency key.' },
  relaunch: { title: 'Relaunch', done: 'made pending again', takes: 'Ended records, completed ones too, are made pending again and run once more.' },
  cancel: { title: 'Cancel', done: 'cancelled', takes: 'Records end as failed without being run to their end, with the reason as their error.' },
  skip: { title: 'Skip', done: 'skipped', takes: 'Records that have not started end as completed without having run. What runs is left alone.' },
  runnow: { title: 'Run now', done: 'made due now', takes: 'Scheduled records are due now: put off, inserted for later, or before their next attempt. Their attempts stay as they are; one whose own time has not come is left alone.' },
};
