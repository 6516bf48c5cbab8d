import { useEffect, useState } from 'preact/hooks';

export type Theme = 'auto' | 'light' | 'dark';

const dark = matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();

export function chosen(): Theme {
  const theme = document.documentElement.dataset.theme;
  return theme === 'light' || theme === 'dark' ? theme : 'auto';
}

export function choose(theme: Theme): void {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === 'auto') localStorage.removeItem('pampa-theme');
    else localStorage.setItem('pampa-theme', theme);
  } catch {
    // A browser that keeps nothing keeps it until the page is left.
  }
  for (const tell of listeners) tell();
}

/** What is seen, and changes with the system's where nothing is chosen. */
export function useTheme(): 'light' | 'dark' {
  const seen = (): 'light' | 'dark' => (chosen() === 'auto' ? (dark.matches ? 'dark' : 'light') : (chosen() as 'light' | 'dark'));
  const [theme, setTheme] = useState(seen);
  useEffect(() => {
    const change = (): void => setTheme(seen());
    dark.addEventListener('change', change);
    listeners.add(change);
    return () => {
      dark.removeEventListener('change', change);
      listeners.delete(change);
    };
  }, []);
  return theme;
}

export function useChosen(): Theme {
  const [theme, setTheme] = useState(chosen);
  useEffect(() => {
    const change = (): void => setTheme(chosen());
    listeners.add(change);
    return () => void listeners.delete(change);
  }, []);
  return theme;
}
