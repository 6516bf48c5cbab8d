import { useEffect, useState } from 'preact/hooks';

/** Whose times are shown: the viewer's, or those of the database. */
export type Zone = 'here' | 'database';

const listeners = new Set<() => void>();
let zone: Zone = kept();

function kept(): Zone {
  try {
    return localStorage.getItem('pampa-zone') === 'database' ? 'database' : 'here';
  } catch {
    return 'here';
  }
}

export function chooseZone(next: Zone): void {
  zone = next;
  try {
    if (next === 'here') localStorage.removeItem('pampa-zone');
    else localStorage.setItem('pampa-zone', next);
  } catch {
    // A browser that keeps nothing keeps it until the page is left.
  }
  for (const tell of listeners) tell();
}

export function useZone(): Zone {
  const [seen, setSeen] = useState(zone);
  useEffect(() => {
    const change = (): void => setSeen(zone);
    change();
    listeners.add(change);
    return () => void listeners.delete(change);
  }, []);
  return seen;
}
