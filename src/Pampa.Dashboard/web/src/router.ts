import { useLayoutEffect, useState } from 'preact/hooks';

/** Where the page is: all of it stands behind the #, so that it works below any path. */
export interface Place {
  path: string[];
  query: URLSearchParams;
}

function read(): Place {
  const text = location.hash.replace(/^#\/?/, '');
  const [path = '', search = ''] = text.split('?', 2);
  // A key may be the empty text: behind the page's name nothing is left out.
  return { path: path === '' ? [] : path.split('/').map(plain), query: new URLSearchParams(search) };
}

export function plain(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

let isOnward = false;
addEventListener('click', (e) => (e.target instanceof Element && e.target.closest('a[href^="#/"]') ? (isOnward = true) : undefined), true);

/** Whether somebody has gone on to where the page is now, and not back: then it begins at its top. */
export function wentOnward(): boolean {
  const was = isOnward;
  isOnward = false;
  return was;
}

/** Whether a click on a row means the row: nothing in it that can be pressed, and no text that is marked. */
export function isPlainClick(e: Event): boolean {
  return !(e.target as Element).closest('a,button,input,label') && (getSelection()?.toString() ?? '') === '';
}

export function usePlace(): Place {
  const [place, setPlace] = useState(read);
  // At once, and not after the next picture: whoever goes on before that would be left where the page has begun.
  useLayoutEffect(() => {
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
  } else {
    isOnward = true;
    location.hash = href;
  }
}
