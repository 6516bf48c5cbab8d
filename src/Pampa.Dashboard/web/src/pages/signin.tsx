import { useEffect, useRef, useState } from 'preact/hooks';
import { loadSession, post } from '../api';
import { go, plain } from '../router';
import { Mark } from '../ui/icons';

/** Asks for the secret; one that stands behind the # came with the link that the server has printed. */
export function SignIn({ title }: { title: string }) {
  const [secret, setSecret] = useState('');
  const [error, setError] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const began = useRef(false);
  const enter = async (text: string): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      await post('signin', { secret: text });
      await loadSession();
    } catch (e) {
      setError(e instanceof Error ? e.message : String(e));
      setBusy(false);
    }
  };
  useEffect(() => {
    const given = /^#secret=(.+)$/.exec(location.hash)?.[1];
    if (!given || began.current) return;
    began.current = true;
    go('#/', true);
    void enter(plain(given));
  }, []);
  return (
    <main class="signin">
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void enter(secret);
        }}
      >
        <Mark />
        <h1>{title}</h1>
        <label>
          Secret <span class="hush">the program has printed it, or it is in PAMPA_DASHBOARD_SECRET</span>
          <input type="password" value={secret} onInput={(e) => setSecret(e.currentTarget.value)} autoComplete="current-password" autoFocus />
        </label>
        {error && (
          <p class="error" role="alert">
            {error}
          </p>
        )}
        <button type="submit" class="primary" disabled={isBusy || secret.length === 0}>
          Sign in
        </button>
      </form>
    </main>
  );
}
