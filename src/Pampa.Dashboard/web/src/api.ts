import type { Session } from './shapes';

/** What the server refuses, in its own words. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

let session: Session | null = null;
let posted = 0;
const told = new Set<(session: Session) => void>();

export function onSession(tell: (session: Session) => void): () => void {
  told.add(tell);
  return () => told.delete(tell);
}

const longest = 20_000;

// Addresses are relative to the page, which may be served below any path. A question may be given up and asked again; what is done is done,
// and whoever gave up would not know whether it was.
async function ask<T>(path: string, init?: RequestInit): Promise<T> {
  let response: Response;
  const cut = new AbortController();
  const give = (): void => cut.abort();
  const timer = init?.method === 'POST' ? undefined : setTimeout(give, longest);
  init?.signal?.addEventListener('abort', give);
  try {
    response = await fetch(`api/${path}`, { credentials: 'same-origin', cache: 'no-store', ...init, signal: cut.signal });
  } catch (e) {
    if (init?.signal?.aborted) throw e;
    // A browser keeps six connections to one server without TLS, and each page that is looked at holds one.
    throw new Refusal(0, cut.signal.aborted ? 'The server has not answered for 20 seconds. If the dashboard is open in many windows, close some: a browser keeps few connections to one server.' : 'The server does not answer.');
  } finally {
    clearTimeout(timer);
    init?.signal?.removeEventListener('abort', give);
  }
  if (response.ok) return (await response.json()) as T;
  let text = `The server answers with ${response.status}.`;
  try {
    text = ((await response.json()) as { error?: string }).error ?? text;
  } catch {
    // Something in between has answered, not the dashboard.
  }
  throw new Refusal(response.status, text);
}

export async function loadSession(): Promise<Session> {
  session = await ask<Session>('session');
  for (const tell of told) tell(session);
  return session;
}

export async function get<T>(path: string, query: Record<string, string | number | string[] | undefined | null> = {}, signal?: AbortSignal): Promise<T> {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined && one !== null) search.append(name, String(one));
  }
  try {
    return await ask<T>(search.size > 0 ? `${path}?${search}` : path, signal ? { signal } : {});
  } catch (e) {
    if (e instanceof Refusal && e.status === 401) void loadSession();
    throw e;
  }
}

/** How often something was sent that may change what was seen before. */
export function changes(): number {
  return posted;
}

export async function post<T>(path: string, body: unknown): Promise<T> {
  if (path !== 'preview') posted++;
  if (!session) await loadSession();
  try {
    return await send<T>(path, body);
  } catch (e) {
    // The server was started anew: its sessions are new, too.
    if (!(e instanceof Refusal) || (e.status !== 403 && e.status !== 401)) throw e;
    const before = session!.token;
    await loadSession();
    if (session!.token === before || !session!.isIn) throw e;
    return await send<T>(path, body);
  }
}

function send<T>(path: string, body: unknown): Promise<T> {
  return ask<T>(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Pampa-Token': session!.token },
    body: JSON.stringify(body),
  });
}
