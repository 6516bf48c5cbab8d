import { spell } from '../format';
import { useLive } from '../live';
import type { Finding, Session } from '../shapes';
import { Empty, Panel, Skeleton, Time } from '../ui/basics';
import { useTitle } from '../use';

export function Health({ session }: { session: Session }) {
  const { snapshot } = useLive();
  useTitle(`Health · ${session.title}`);
  const health = snapshot?.health;
  return (
    <>
      <h1>Health</h1>
      <Panel title="Findings" side={health && <span class="hush">looked at <Time at={health.at} />, once a minute</span>}>
        {!health ? (
          <Skeleton rows={4} />
        ) : health.findings.length === 0 ? (
          <Empty title="All is well" isGood>
            Indexes, plans, bloat, rights, settings that endanger what is acknowledged, clocks and stuck records were looked at, and there is nothing to say.
          </Empty>
        ) : (
          <ul class="findings">
            {health.findings.map((f, i) => (
              <FindingRow key={`${f.id}${f.where}${i}`} finding={f} />
            ))}
          </ul>
        )}
      </Panel>
    </>
  );
}

export function FindingRow({ finding, isShort }: { finding: Finding; isShort?: boolean }) {
  return (
    <li class={finding.severity}>
      <span class={`badge ${finding.severity}`}>
        <i class="dot" aria-hidden="true" />
        {finding.severity}
      </span>
      <div>
        <p>
          <b>{finding.where}</b> {spell(finding.what)}
        </p>
        {!isShort && finding.remedy && (
          <p class="remedy">
            <span>Remedy</span> {spell(finding.remedy)}
          </p>
        )}
        {!isShort && <code class="id">{finding.id}</code>}
      </div>
    </li>
  );
}
