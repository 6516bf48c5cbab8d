import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { loadSession, onSession } from './api';
import { connect, disconnect } from './live';
import { Audit } from './pages/audit';
import { Health } from './pages/health';
import { JobPage } from './pages/job';
import { Nodes } from './pages/nodes';
import { Overview } from './pages/overview';
import { Schedules } from './pages/schedules';
import { SignIn } from './pages/signin';
import { TaskRecord } from './pages/task';
import { Tasks } from './pages/tasks';
import { to, usePlace, type Place } from './router';
import type { Session } from './shapes';
import { Shell } from './shell';
import './styles.css';
import { Empty, Failing } from './ui/basics';
import { AskRoot } from './ui/dialog';

function App() {
  const [session, setSession] = useState<Session | null>(null);
  const [error, setError] = useState<string | null>(null);
  const place = usePlace();
  useEffect(() => onSession(setSession), []);
  const begin = (): void => {
    setError(null);
    loadSession().catch((e: unknown) => setError(e instanceof Error ? e.message : String(e)));
  };
  useEffect(begin, []);
  const isIn = session?.isIn ?? false;
  useEffect(() => {
    if (!isIn) return undefined;
    connect();
    return disconnect;
  }, [isIn]);
  if (error && !session)
    return (
      <main class="signin">
        <Failing error={error} again={begin} />
      </main>
    );
  if (!session) return null;
  if (!session.isIn) return <SignIn title={session.title} />;
  return (
    <AskRoot>
      <Shell session={session} path={place.path}>
        <Page place={place} session={session} />
      </Shell>
    </AskRoot>
  );
}

function Page({ place, session }: { place: Place; session: Session }) {
  const [page, name, sub, key] = place.path;
  if (page === undefined) return <Overview session={session} />;
  if (page === 'jobs' && name !== undefined && sub === 'tasks' && key !== undefined) return <TaskRecord key={`${name}/${key}`} job={name} taskKey={key} session={session} />;
  if (page === 'jobs' && name !== undefined && !sub) return <JobPage key={name} name={name} session={session} />;
  if (page === 'tasks') return <Tasks query={place.query} session={session} />;
  if (page === 'nodes') return <Nodes query={place.query} session={session} />;
  if (page === 'schedules') return <Schedules session={session} />;
  if (page === 'audit') return <Audit query={place.query} session={session} />;
  if (page === 'health') return <Health session={session} />;
  return (
    <Empty title="There is no such page">
      <a href={to([])}>To the overview</a>
    </Empty>
  );
}

render(<App />, document.getElementById('app')!);
