import { count, keyText, spell } from '../format';
import { useLive } from '../live';
import { go, to } from '../router';
import type { AuditPage, Session } from '../shapes';
import { Answer, Button, Empty, Panel, Time } from '../ui/basics';
import { Icon } from '../ui/icons';
import { Text } from '../ui/text';
import { useAsked, useTitle, type Asked } from '../use';

/** What stands in the audit: Pampa's own words. */
const actions = ['retry', 'relaunch', 'cancel', 'skip', 'run-now', 'pause', 'resume', 'drain', 'pause schedule', 'resume schedule', 'run schedule'];

/** Those that are called otherwise where they are done. */
const also: Record<string, string> = { pause: 'pause (drain here)', resume: 'resume (attach)', drain: 'drain (elsewhere)' };

interface Asks {
  job: string;
  who: string;
  action: string;
  target: string;
}

export function Audit({ query, session }: { query: URLSearchParams; session: Session }) {
  useTitle(`Audit · ${session.title}`);
  const { snapshot } = useLive();
  const before = query.getAll('before');
  const of = (name: string): string => query.get(name) ?? '';
  const asks: Asks = { job: of('job'), who: of('who'), action: of('action'), target: of('target') };
  const { job, who, action, target } = asks;
  const isFiltered = Object.values(asks).some((text) => text !== '');
  // To find little the whole audit is read: that is done for whoever asks, and not for a page that was left open.
  const asked = useAsked<AuditPage>('audit', { ...asks, before: before[before.length - 1], limit: 50 }, before.length === 0 && !isFiltered ? 10 : 0);
  const change = (changes: Partial<Asks> & { before?: string[] }): void => go(to(['audit'], { ...asks, ...changes }), !('before' in changes));
  const turn = (e: Event, to: string[]): void => {
    (e.currentTarget as Element).closest('.panel')?.scrollIntoView();
    change({ before: to });
  };
  const jobs = snapshot?.jobs.map((j) => j.name) ?? [];
  return (
    <>
      <div class="title">
        <h1>Audit</h1>
        <div class="actions" role="search">
          <select aria-label="Job" value={job} onChange={(e) => change({ job: e.currentTarget.value })}>
            <option value="">all jobs</option>
            {[...new Set([...jobs, ...(job ? [job] : [])])].map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
          <select aria-label="Action" value={action} onChange={(e) => change({ action: e.currentTarget.value })}>
            <option value="">all actions</option>
            {[...new Set([...actions, ...(action ? [action] : [])])].map((name) => (
              <option key={name} value={name}>
                {also[name] ?? name}
              </option>
            ))}
          </select>
          <Text name="target" label="To what" value={target} change={(changes) => change({ target: changes.target ?? '' })} />
          <Text name="who" label="By whom" value={who} change={(changes) => change({ who: changes.who ?? '' })} isFirst />
        </div>
      </div>
      <Panel title="What people have done">
        <Answer asked={asked} rows={10}>
          {(data) => (
            <>
              {isFiltered && <Searched asked={asked} found={data.entries.length} />}
              {data.entries.length === 0 ? (
                <Empty title={isFiltered ? 'Nobody has done anything that matches' : 'Nobody has done anything yet'}>Pauses, retries and all other actions stand here, whoever did them and from wherever.</Empty>
              ) : (
                <>
                  <table class="grid audit">
                    <thead>
                      <tr>
                        <th class="time-cell">When</th>
                        <th>Who</th>
                        <th>Action</th>
                        <th>What</th>
                        <th class="num">Records</th>
                        <th class="wide">Detail</th>
                      </tr>
                    </thead>
                    <tbody>
                      {data.entries.map((e) => (
                        <tr key={e.id} data-row>
                          <td class="time-cell" data-label="When">
                            <Time at={e.at} />
                          </td>
                          <td class="cut" data-label="Who" title={spell(e.who)}>
                            {spell(e.who)}
                          </td>
                          <td data-label="Action">
                            <b>{e.action}</b>
                          </td>
                          <td class="cut" data-label="What" title={spell(e.target)}>
                            <Target target={e.target} />
                          </td>
                          <td class="num" data-label="Records">
                            {e.count > 0 ? count(e.count) : <span class="none">–</span>}
                          </td>
                          <td class="wide cut" data-label="Detail" title={spell(e.detail)}>
                            <Detail target={e.target} detail={e.detail} />
                          </td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                  <footer class="pager">
                    <Button icon="previous" disabled={before.length === 0} onClick={(e) => turn(e, before.slice(0, -1))}>
                      Newer
                    </Button>
                    <span class="hush">Page {before.length + 1}</span>
                    <Button disabled={!data.next || asked.isOld} onClick={(e) => data.next && turn(e, [...before, data.next])}>
                      Older
                    </Button>
                  </footer>
                </>
              )}
            </>
          )}
        </Answer>
      </Panel>
    </>
  );
}

function Searched({ asked, found }: { asked: Asked<AuditPage>; found: number }) {
  return (
    <div class="hunt">
      {asked.isBusy ? <i class="spin" aria-hidden="true" /> : <Icon name="search" />}
      <p>
        <span>
          Searched at <Time at={asked.at} />.
        </span>{' '}
        <span class="hush">Not kept up to date.</span>
      </p>
      <span class="unseen" role="status">
        {asked.isBusy ? 'The search goes on.' : asked.error ? 'The search has failed.' : `The search is over, ${count(found)} found.`}
      </span>
      {/* It stays where it is while the search goes on: whoever has pressed it by key would lose his place. */}
      <Button disabled={asked.isOld} onClick={() => !asked.isBusy && asked.again()}>
        Search again
      </Button>
    </div>
  );
}

/** What was acted on, as a link to where it is now. */
function Target({ target }: { target: string }) {
  const [kind, name] = split(target);
  const place = kind === 'job' ? to(['jobs', name]) : kind === 'node' ? to(['nodes'], { node: name }) : kind === 'schedule' ? to(['schedules']) : kind === 'worker' ? to(['nodes']) : null;
  return place ? (
    <>
      {kind} <a href={place}>{spell(name)}</a>
    </>
  ) : (
    <>{spell(target)}</>
  );
}

/** Of a single record, its key leads to it, where it is sure which part of the text is the key and that nothing of it is left out. */
function Detail({ target, detail }: { target: string; detail: string }) {
  const [kind, job] = split(target);
  const found = kind === 'job' && !/•••|…/.test(detail) ? /^1 key: ([^]+?)(?=; because: |$)/.exec(detail) : null;
  if (!found || found[1]!.includes('; ')) return detail ? <>{spell(detail)}</> : <span class="none">–</span>;
  const key = found[1]!;
  return (
    <>
      1 key:{' '}
      <a class="key" href={to(['jobs', job, 'tasks', key])}>
        {keyText(key)}
      </a>
      {spell(detail.slice(found[0].length))}
    </>
  );
}

function split(target: string): [string, string] {
  const at = target.indexOf(' ');
  return [target.slice(0, at), target.slice(at + 1)];
}
