import { onSchedule } from '../acts';
import { count, duration, spell } from '../format';
import type { Schedule, Session } from '../shapes';
import { Answer, Badge, Button, Empty, Panel, Time } from '../ui/basics';
import { useAsk, type Ask } from '../ui/dialog';
import { useAsked, useTitle } from '../use';

const tones: Record<Schedule['state'], string> = { active: 'completed', failing: 'failed', paused: 'held', idle: 'warning' };

export function Schedules({ session }: { session: Session }) {
  useTitle(`Schedules · ${session.title}`);
  const asked = useAsked<{ schedules: Schedule[] }>('schedules', {}, 5);
  const { ask } = useAsk();
  const open = (what: Ask): void => ask({ ...what, act: async (...given) => what.act(...given).then((text) => (asked.again(), text)) });
  return (
    <>
      <h1>Schedules</h1>
      <Panel title="What comes by the clock">
        <Answer asked={asked} rows={4}>
          {({ schedules: data }) =>
            data.length === 0 ? (
              <Empty title="No schedule">
                Add one to the program: <code>pampa.AddSchedule("nightly", "0 3 * * *", …)</code>
              </Empty>
            ) : (
              <table class="grid schedules">
                <thead>
                  <tr>
                    <th>Schedule</th>
                    <th>When</th>
                    <th>State</th>
                    <th>Next</th>
                    <th>Last</th>
                    <th class="num">Missed</th>
                    <th aria-label="Actions" />
                  </tr>
                </thead>
                <tbody>
                  {data.map((s) => (
                    <Row key={s.name} schedule={s} session={session} open={open} />
                  ))}
                </tbody>
              </table>
            )
          }
        </Answer>
      </Panel>
    </>
  );
}

function Row({ schedule: s, session, open }: { schedule: Schedule; session: Session; open: (ask: Ask) => void }) {
  return (
    <tr data-row>
      <th scope="row" data-label="Schedule">
        <span class="name">{s.name}</span>
        {s.error && <span class="under bad">{s.failures > 1 ? `failed ${count(s.failures)} times: ` : ''}{spell(s.error)}</span>}
        {s.pausedAt && s.pauseReason && <span class="under">paused: {spell(s.pauseReason)}</span>}
      </th>
      <td data-label="When">
        <code>{s.expression}</code>
        <span class="under">{s.timeZone}</span>
      </td>
      <td data-label="State">
        <Badge state={tones[s.state]}>{s.state}</Badge>
      </td>
      <td data-label="Next">
        {s.next ? <Time at={s.next} /> : <span class="none">–</span>}
        <span class="under">{s.retryIn !== null ? `tried again in ${duration(s.retryIn)}` : s.nextIn === null ? ' ' : s.nextIn > 0 ? `in ${duration(s.nextIn)}` : 'is due'}</span>
      </td>
      <td data-label="Last">
        {s.lastTick ? <Time at={s.lastTick} /> : <span class="none">none yet</span>}
      </td>
      <td class="num" data-label="Missed">
        {count(s.missed)}
      </td>
      <td class="do">
        {session.mayAct && (
          <>
            <Button class="quiet" icon="run" onClick={() => open(onSchedule('run', s.name))} disabled={!s.isInProgram} title={s.isInProgram ? 'Run now' : 'This program does not have it'} aria-label={`Run ${s.name} now`} />
            <Button class="quiet" icon={s.state === 'paused' ? 'play' : 'pause'} onClick={() => open(onSchedule(s.state === 'paused' ? 'resume' : 'pause', s.name))} title={s.state === 'paused' ? 'Resume' : 'Pause'} aria-label={`${s.state === 'paused' ? 'Resume' : 'Pause'} ${s.name}`} />
          </>
        )}
      </td>
    </tr>
  );
}
