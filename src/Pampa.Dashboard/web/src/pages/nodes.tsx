import { useEffect, useRef } from 'preact/hooks';
import { steer } from '../acts';
import { age, bytes, count, duration, plural, rate, keyText, spell } from '../format';
import { useLive } from '../live';
import { to } from '../router';
import type { Node, Session, Worker } from '../shapes';
import { Badge, Button, Empty, HeldBadge, Panel, Skeleton } from '../ui/basics';
import { Meter } from '../ui/bars';
import { useAsk } from '../ui/dialog';
import { useTitle } from '../use';

const enforced = { none: 'not enforced', partly: 'in part', full: 'enforced' };

export function Nodes({ query, session }: { query: URLSearchParams; session: Session }) {
  const { snapshot } = useLive();
  useTitle(`Nodes · ${session.title}`);
  if (!snapshot)
    return (
      <>
        <h1>Nodes and workers</h1>
        <Skeleton rows={8} />
      </>
    );
  return (
    <>
      <div class="title">
        <h1>Nodes and workers</h1>
        <span class="hush">
          {plural(snapshot.nodes.length, 'node')}, {plural(snapshot.workerCount.all, 'worker')}, {count(snapshot.workerCount.serving)} of them serve a job
        </span>
      </div>
      {snapshot.nodes.length === 0 && (
        <Panel title="Nodes">
          <Empty title="No node is at work">Start the program, or one with the verb node: it joins by itself.</Empty>
        </Panel>
      )}
      {snapshot.absent.map((name) => (
        <p key={name} class="note warn">
          The declared node <b>{name}</b> is not there.
        </p>
      ))}
      {snapshot.nodes.map((node) => (
        <NodePanel key={node.name} node={node} workers={snapshot.workers.filter((w) => w.node === node.name)} isLeader={snapshot.leader?.node === node.name} isSought={query.get('node') === node.name} session={session} />
      ))}
    </>
  );
}

/** Whether two heartbeats in a row are missing: one comes every third of what it lasts. */
function isLate({ lastHeard, lease }: { lastHeard: number; lease: number }): boolean {
  return lastHeard > (lease * 2) / 3;
}

interface NodePanelProps {
  node: Node;
  /** Those of it that are told: not all, where the cluster has very many. */
  workers: Worker[];
  isLeader: boolean;
  isSought: boolean;
  session: Session;
}

function NodePanel({ node, workers, isLeader, isSought, session }: NodePanelProps) {
  const { ask } = useAsk();
  const title = useRef<HTMLSpanElement>(null);
  // Whoever came by a link to this node need not look for it.
  useEffect(() => {
    if (isSought) title.current?.closest('.panel')?.scrollIntoView();
  }, [isSought]);
  const more = node.workers - workers.length;
  const running = node.jobs.reduce((n, j) => n + j.running, 0);
  const inHand = node.jobs.reduce((n, j) => n + j.inHand, 0);
  const perSecond = node.jobs.reduce((n, j) => n + j.perSecond, 0);
  return (
    <Panel
      class="node"
      title={
        <>
          <span ref={title}>{node.name}</span>
          {isLeader && <Badge state="leader">leads</Badge>}
          <HeldBadge held={node.held} left={running} />
          {node.leaked > 0 && <Badge state="warning">{plural(node.leaked, 'worker')} kept by a task that does not end</Badge>}
        </>
      }
      side={
        session.mayAct && (
          <Button icon={node.held ? 'play' : 'pause'} onClick={() => ask(steer('node', node.name, node.held !== null))}>
            {node.held ? 'Attach' : 'Drain'}
          </Button>
        )
      }
    >
      <dl class="strip">
        <div>
          <dt>Heartbeat</dt>
          <dd class={isLate(node) ? 'bad' : ''} title={`a heartbeat lasts ${duration(node.lease)}`}>{age(node.lastHeard)} ago</dd>
        </div>
        <div>
          <dt>Running</dt>
          <dd>
            {count(running)} <span class="of">+ {count(inHand)} in hand</span>
          </dd>
        </div>
        <div>
          <dt>Per second</dt>
          <dd>{rate(perSecond)}</dd>
        </div>
        <div>
          <dt>Memory</dt>
          <dd>{bytes(node.memory)}</dd>
        </div>
        <div>
          <dt>Processor</dt>
          <dd>{node.cpu === null ? '–' : `${node.cpu.toFixed(2)} cores`}</dd>
        </div>
        <div>
          <dt>Program</dt>
          <dd class="cut" title={node.program}>
            {node.program || '–'}
          </dd>
        </div>
      </dl>
      {node.limits.length > 0 && (
        <ul class="limits" aria-label={`What each worker of ${node.name} may take`}>
          {node.limits.map((limit) => (
            <li key={limit.name} class={limit.enforcement} title={spell(limit.text)}>
              <b>{limit.name}</b> {limit.amount}
              <span class="of">{enforced[limit.enforcement]}</span>
            </li>
          ))}
        </ul>
      )}
      {workers.length > 0 && (
        <table class="grid workers">
          <thead>
            <tr>
              <th>Worker</th>
              <th>Serves</th>
              <th class="wide">Task at hand</th>
              <th class="num">For</th>
              <th class="num">Heartbeat</th>
              <th aria-label="Actions" />
            </tr>
          </thead>
          <tbody>
            {workers.map((w) => (
              <WorkerRow key={w.id} worker={w} isNodeHeld={node.held !== null} session={session} />
            ))}
          </tbody>
        </table>
      )}
      {more > 0 && (
        <p class="rest hush">
          {workers.length > 0 ? `… and ${count(more)} more ${more === 1 ? 'worker' : 'workers'}` : plural(more, 'worker')}. Of very many those are listed that are paused, not ready or at the longest tasks; <code>status --workers</code> lists all.
        </p>
      )}
    </Panel>
  );
}

function WorkerRow({ worker: w, isNodeHeld, session }: { worker: Worker; isNodeHeld: boolean; session: Session }) {
  const { ask } = useAsk();
  return (
    <tr data-row>
      <th scope="row" data-label="Worker">
        <span class="name">{w.id}</span>
        {w.held ? <HeldBadge held={w.held} /> : !w.isAttached ? <span class="hush"> with its node</span> : !w.isReady && <Badge state="scheduled">recovers</Badge>}
      </th>
      <td data-label="Serves">{w.job ? <a href={to(['jobs', w.job])}>{w.job}</a> : <span class="none">idle</span>}</td>
      <td class="wide cut" data-label="Task at hand">
        {w.running ? (
          <a class="key" href={to(['jobs', w.running.job, 'tasks', w.running.key])} title={spell(w.running.key)}>
            {keyText(w.running.key)}
          </a>
        ) : (
          <span class="none">none for longer than a second</span>
        )}
      </td>
      <td class="num" data-label="For">
        {w.running ? duration(w.running.for) : <span class="none">–</span>}
      </td>
      <td class="num" data-label="Heartbeat">
        <Meter value={Math.max(0, w.lease - w.lastHeard)} of={w.lease} isLow={isLate(w)} label={`last heard ${age(w.lastHeard)} ago; a heartbeat lasts ${duration(w.lease)}`} /> {age(w.lastHeard)}
      </td>
      <td class="do">
        {session.mayAct && !isNodeHeld && (
          <Button class="quiet" icon={w.held ? 'play' : 'pause'} onClick={() => ask(steer('worker', w.id, w.held !== null))} aria-label={`${w.held ? 'Attach' : 'Detach'} ${w.id}`} title={w.held ? 'Attach' : 'Detach'} />
        )}
      </td>
    </tr>
  );
}
