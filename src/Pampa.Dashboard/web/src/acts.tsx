import { post } from './api';
import { actionWords, count, plural, spell } from './format';
import type { Filter, Operation } from './shapes';
import type { Ask } from './ui/dialog';

type Kind = 'job' | 'node' | 'worker';

const words: Record<Kind, { pause: string; pauseText: string; resume: string; resumeText: string }> = {
  job: {
    pause: 'Pause',
    pauseText: 'Nothing of this job is started any more, on any node. What is reserved is given back at no cost; what runs goes on to its end.',
    resume: 'Resume',
    resumeText: 'Its tasks are started again.',
  },
  node: {
    pause: 'Drain',
    pauseText: 'The node stays in the cluster and gets no more tasks. What its workers run goes on to its end: then it is drained and can be stopped.',
    resume: 'Attach',
    resumeText: 'The node gets tasks again.',
  },
  worker: {
    pause: 'Detach',
    pauseText: 'The worker stays in the cluster and gets no more tasks. What it runs goes on to its end.',
    resume: 'Attach',
    resumeText: 'The worker gets tasks again.',
  },
};

export function steer(kind: Kind, name: string, isHeld: boolean): Ask {
  const w = words[kind];
  const action = isHeld ? 'resume' : 'pause';
  return {
    title: `${isHeld ? w.resume : w.pause} ${kind} ${name}?`,
    text: <p>{isHeld ? w.resumeText : w.pauseText}</p>,
    verb: isHeld ? w.resume : w.pause,
    hasReason: !isHeld,
    hasEnd: !isHeld,
    act: async (reason, seconds) => (await post<{ text: string }>('steer', { action, kind, name, reason, seconds })).text,
  };
}

interface Preview {
  matched: number;
  running: number;
  isExact: boolean;
  isRunningExact: boolean;
  /** Why nothing would change, where that can be told. */
  why?: string | null;
}

function spared({ running, isRunningExact }: Preview): string {
  if (running === 0) return isRunningExact ? '' : ' What runs just now is left alone.';
  return running === 1 && isRunningExact ? ' 1 more runs just now and is left alone.' : ` ${count(running, isRunningExact)} more run just now and are left alone.`;
}

/** Operations whose end was told to whoever began them. */
export const told = new Set<string>();

const sentence = (text: string): string => spell(`${text.charAt(0).toUpperCase()}${text.slice(1)}.`);

/** Asks about an action on records; isOfRunning: of such that run and no others. */
export function onRecords(action: string, job: string, what: { keys: string[] } | { filter: Filter }, described: string, isOfRunning = false): Ask {
  const w = actionWords[action]!;
  const body = { action, job, ...what };
  const isMany = !('keys' in what);
  return {
    title: `${w.title} ${described}?`,
    text: <p>{w.takes}</p>,
    verb: w.title,
    isGrave: action === 'cancel' || action === 'skip',
    hasReason: true,
    // Without it nothing would happen to what runs.
    choice: action === 'cancel' ? { label: 'Also what runs', hint: 'it has failed at once, its handler is told to stop, and what it writes is refused', isOn: isOfRunning } : undefined,
    preview: async (running) => {
      const would = await post<Preview>('preview', { ...body, running });
      return {
        text: (
          <>
            {would.matched === 0 && !would.isExact ? (
              <>None was found in the second that counting may take; there may be more of {job} that would change.</>
            ) : (
              <>
                <b>{count(would.matched, would.isExact)}</b> {would.matched === 1 && would.isExact ? 'record of' : 'records of'} {job} would change.
              </>
            )}
            {spared(would)}
            {would.why && <p class="why hush">{sentence(would.why)}</p>}
          </>
        ),
        // What was not counted to its end may be none, or millions.
        isNothing: would.matched === 0 && would.isExact,
        mustType: isMany && (would.matched >= 10_000 || !would.isExact) ? job : undefined,
      };
    },
    act: async (reason, _, running) => {
      const done = await post<Operation>('records', { ...body, reason, running });
      if (done.isDone) told.add(done.id);
      if (done.error) throw new Error(done.error);
      return done.isDone ? `${plural(done.changed, 'record')} ${w.done}.` : `${w.title} goes on; the strip at the top shows how far it is.`;
    },
  };
}

export function onSchedule(action: 'run' | 'pause' | 'resume', name: string): Ask {
  const texts = {
    run: ['Run now', 'A tick of its own, now, in this process. The regular ones come as if nothing had been.'],
    pause: ['Pause', 'It has no ticks until it is resumed, and those that pass meanwhile are not made up for.'],
    resume: ['Resume', 'Its next tick is the next one from now on.'],
  }[action];
  return {
    title: `${texts[0]!} schedule ${name}?`,
    text: <p>{texts[1]}</p>,
    verb: texts[0]!,
    hasReason: action === 'pause',
    act: async (reason) => {
      const done = await post<{ text: string; ended: string | null }>('schedule', { action, name, reason });
      if (done.ended) told.add(done.ended);
      return done.text;
    },
  };
}
