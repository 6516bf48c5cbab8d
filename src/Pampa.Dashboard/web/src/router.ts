import { useEffect, useState } from 'preact/hooks';

/** Where the page is: all of it stands behind the #, so that it works below any path. */
export interface Place {
  path: string[];
  query: URLSearchParams;
}

function read(): Place {
  const text = location.hash.replace(/^#\/?/, '');
  const [path = '', search = ''] = text.split('?', 2);
  return { path: path.split('/').filter((p) => p.length > 0).map(plain), query: new URLSearchParams(search) };
}

function plain(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function usePlace(): Place {
  const [place, setPlace] = useState(read);
  useEffect(() => {
    const change = (): void => setPlace(read());
    addEventListener('hashchange', change);
    return () => removeEventListener('hashchange', change);
  }, []);
  return place;
}

export function to(path: string[], query?: Record<string, string | string[] | undefined> | URLSearchParams): string {
  const search = query instanceof URLSearchParams ? query : new URLSearchParams();
  if (query && !(query instanceof URLSearchParams)) {
    for (const [name, value] of Object.entries(query)) for (const one of Array.isArray(value) ? value : [value]) if (one) search.append(name, one);
  }
  return `#/${path.map(encodeURIComponent).join('/')}${search.size > 0 ? `?${search}` : ''}`;
}

export function go(href: string, isReplacing = false): void {
  if (isReplacing) {
    history.replaceState(null, '', href);
    dispatchEvent(new HashChangeEvent('hashchange'));
  } else location.hash = href;
}
