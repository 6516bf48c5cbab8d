import { useEffect, useState } from 'preact/hooks';

export type Theme = 'auto' | 'light' | 'dark';

const dark = matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();

// The page always bears the colours that are seen, so that they stand once in the style sheet.
function paint(): void {
  const theme = chosen();
  document.documentElement.dataset.theme = theme === 'auto' ? (dark.matches ? 'dark' : 'light') : theme;
  for (const tell of listeners) tell();
}

dark.addEventListener('change', paint);

export function chosen(): Theme {
  const theme = document.documentElement.dataset.chosen;
  return theme === 'light' || theme === 'dark' ? theme : 'auto';
}

export function choose(theme: Theme): void {
  if (theme === 'auto') delete document.documentElement.dataset.chosen;
  else document.documentElement.dataset.chosen = theme;
  try {
    if (theme === 'auto') localStorage.removeItem('pampa-theme');
    else localStorage.setItem('pampa-theme', theme);
  } catch {
    // A browser that keeps nothing keeps it until the page is left.
  }
  paint();
}

/** What is seen, and changes with the system's where nothing is chosen. */
export function useTheme(): 'light' | 'dark' {
  const seen = (): 'light' | 'dark' => (document.documentElement.dataset.theme === 'dark' ? 'dark' : 'light');
  const [theme, setTheme] = useState(seen);
  useEffect(() => {
    const change = (): void => setTheme(seen());
    change();
    listeners.add(change);
    return () => void listeners.delete(change);
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
