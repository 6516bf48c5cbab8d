import { count, spell } from '../format';
import { useLive } from '../live';
import { go, to } from '../router';
import type { AuditPage, Session } from '../shapes';
import { Button, Empty, Failing, Panel, Skeleton, Time } from '../ui/basics';
import { useAsked, useTitle } from '../use';

export function Audit({ query, session }: { query: URLSearchParams; session: Session }) {
  useTitle(`Audit · ${session.title}`);
  const { snapshot } = useLive();
  const before = query.getAll('before');
  const [job, who] = [query.get('job') ?? '', query.get('who') ?? ''];
  const asked = useAsked<AuditPage>('audit', { job, who, before: before[before.length - 1], limit: 50 }, before.length === 0 ? 10 : 0);
  const change = (changes: { job?: string; who?: string; before?: string[] }): void => go(to(['audit'], { job, who, ...changes }));
  const jobs = snapshot?.jobs.map((j) => j.name) ?? [];
  const data = asked.data;
  return (
    <>
      <div class="title">
        <h1>Audit</h1>
        <div class="actions">
          <select aria-label="Job" value={job} onChange={(e) => change({ job: e.currentTarget.value })}>
            <option value="">all jobs</option>
            {[...new Set([...jobs, ...(job ? [job] : [])])].map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
          <input type="search" class="text" aria-label="By whom" placeholder="By whom" data-search="" value={who} onChange={(e) => change({ who: e.currentTarget.value })} autoComplete="off" />
        </div>
      </div>
      <Panel title="What people have done">
        {asked.error && !data ? (
          <Failing error={asked.error} again={asked.again} />
        ) : !data ? (
          <Skeleton rows={10} />
        ) : data.entries.length === 0 ? (
          <Empty title={job || who ? 'Nobody has done anything that matches' : 'Nobody has done anything yet'}>Pauses, retries and all other actions stand here, whoever did them and from wherever.</Empty>
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
                      {spell(e.target)}
                    </td>
                    <td class="num" data-label="Records">
                      {e.count > 0 ? count(e.count) : <span class="none">–</span>}
                    </td>
                    <td class="wide cut" data-label="Detail" title={spell(e.detail)}>
                      {spell(e.detail) || <span class="none">–</span>}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
            <footer class="pager">
              <Button icon="previous" disabled={before.length === 0} onClick={() => change({ before: before.slice(0, -1) })}>
                Newer
              </Button>
              <span class="hush">Page {before.length + 1}</span>
              <Button disabled={!data.next} onClick={() => data.next && change({ before: [...before, data.next] })}>
                Older
              </Button>
            </footer>
          </>
        )}
      </Panel>
    </>
  );
}
