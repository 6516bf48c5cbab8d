import { useEffect, useRef, useState } from 'preact/hooks';
import { steer } from '../acts';
import { age, bytes, count, duration, plural, rate, keyText, spell } from '../format';
import { useLive } from '../live';
import { go, to } from '../router';
import type { Node, NodePage, Session, Worker, WorkerPage } from '../shapes';
import { Answer, Badge, Button, Empty, HeldBadge, Panel, Skeleton, Some } from '../ui/basics';
import { Meter } from '../ui/bars';
import { useAsk } from '../ui/dialog';
import { Text } from '../ui/text';
import { useAsked, useTitle } from '../use';

const enforced = { none: 'not enforced', partly: 'in part', full: 'enforced' };

const pageLength = 100;

/** From so many on they are rather searched than looked through. */
const many = 10;

export function Nodes({ query, session }: { query: URLSearchParams; session: Session }) {
  const { snapshot } = useLive();
  useTitle(`Nodes · ${session.title}`);
  const after = query.getAll('after');
  const node = query.get('node') ?? '';
  const isCut = snapshot !== null && snapshot.nodeCount > snapshot.nodes.length;
  const isFar = isCut && node !== '' && !snapshot.nodes.some((n) => n.name === node);
  const name = query.get('name') ?? (isFar && after.length === 0 ? node : '');
  // The stream has the first of them; the others, and what is searched for, are asked for.
  const isAsked = name !== '' || after.length > 0;
  const title = useRef<HTMLHeadingElement>(null);
  const asked = useAsked<NodePage>(isAsked ? 'nodes' : null, { name, after: after[after.length - 1], limit: pageLength }, 5);
  if (!snapshot)
    return (
      <>
        <h1>Nodes and workers</h1>
        <Skeleton rows={8} />
      </>
    );
  const turn = (after: string[]): void => {
    scrollTo(0, 0);
    // The button goes with its list: whoever turns pages by keys is where the new one begins.
    title.current?.focus({ preventScroll: true });
    go(to(['nodes'], { name, after }));
  };
  const panels = (nodes: Node[]) =>
    nodes.map((n) => (
      <NodePanel key={n.name} node={n} workers={snapshot.workers.filter((w) => w.node === n.name)} isLeader={snapshot.leader?.node === n.name} isSought={node === n.name} session={session} />
    ));
  const pager = (next: string | null) =>
    (after.length > 0 || next !== null) && (
      <nav class="pager" aria-label="Pages of nodes">
        <Button icon="previous" disabled={after.length === 0} onClick={() => turn(after.slice(0, -1))}>
          Previous nodes
        </Button>
        <span class="hush">{`Page ${after.length + 1}${next === null ? ', the last' : ''}`}</span>
        <Button disabled={next === null || (isAsked && asked.isOld)} onClick={() => next !== null && turn([...after, next])}>
          Next nodes
        </Button>
      </nav>
    );
  return (
    <>
      <div class="title">
        <h1 ref={title} tabIndex={-1}>
          Nodes and workers
        </h1>
        <span class="hush">
          {plural(snapshot.nodeCount, 'node')}, {plural(snapshot.workerCount.all, 'worker')}, {count(snapshot.workerCount.serving)} of them serve a job
        </span>
        {(snapshot.nodeCount > many || name) && (
          <div class="actions" role="search">
            <Text name="name" label="Find a node" value={name} change={(changes) => go(to(['nodes'], { name: changes.name ?? '' }), true)} isFirst />
            <span class="unseen" role="status">
              {name && asked.data && !asked.isOld ? `${plural(asked.data.count, 'node')} found` : ''}
            </span>
          </div>
        )}
      </div>
      {snapshot.nodeCount === 0 && (
        <Panel title="Nodes">
          <Empty title="No node is at work">Start the program, or one with the verb node: it joins by itself.</Empty>
        </Panel>
      )}
      {!isAsked && snapshot.absentCount > 0 && (
        <p class="note warn">
          {snapshot.absentCount === 1 ? 'A declared node is' : `${count(snapshot.absentCount)} declared nodes are`} not there: <Some names={snapshot.absent} all={snapshot.absentCount} most={20} />
        </p>
      )}
      {isAsked ? (
        <Answer asked={asked} rows={8}>
          {(page) => (
            <>
              {page.nodes.length === 0 && (
                <Panel title="Nodes">
                  <Empty title={name ? `No node’s name contains “${spell(name)}”` : 'There are no more nodes'}>
                    <a href={to(['nodes'])}>See all nodes</a>
                  </Empty>
                </Panel>
              )}
              {panels(page.nodes)}
              {pager(page.next)}
            </>
          )}
        </Answer>
      ) : (
        <>
          {panels(snapshot.nodes)}
          {pager(isCut ? snapshot.nodes[snapshot.nodes.length - 1]!.name : null)}
        </>
      )}
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
  const [isAll, setAll] = useState(false);
  // Whoever came by a link to this node need not look for it, with his eyes or with keys.
  useEffect(() => {
    if (!isSought) return;
    title.current?.closest('.panel')?.scrollIntoView();
    title.current?.focus({ preventScroll: true });
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
          <span ref={title} tabIndex={-1}>
            {node.name}
          </span>
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
      {isAll ? <AllWorkers node={node} session={session} /> : workers.length > 0 && <WorkerTable workers={workers} node={node} session={session} />}
      {more > 0 && !isAll && (
        <p class="rest hush">
          {workers.length > 0 ? `… and ${count(more)} more ${more === 1 ? 'worker' : 'workers'}. Of very many those are listed that are paused, not ready or at the longest tasks.` : `${plural(more, 'worker')}.`}{' '}
          <Button onClick={() => setAll(true)} aria-label={`Show all workers of ${node.name}`}>
            {workers.length > 0 ? `Show all ${count(node.workers)}` : 'Show'}
          </Button>
        </p>
      )}
    </Panel>
  );
}

function WorkerTable({ workers, node, session }: { workers: Worker[]; node: Node; session: Session }) {
  return (
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
  );
}

/** All workers of a node, in pages by their ids. */
function AllWorkers({ node, session }: { node: Node; session: Session }) {
  const [after, setAfter] = useState<string[]>([]);
  const asked = useAsked<WorkerPage>('workers', { node: node.name, after: after[after.length - 1], limit: pageLength }, 5);
  const top = useRef<HTMLDivElement>(null);
  // The button that has brought them is gone: whoever goes on by keys is where they begin.
  useEffect(() => top.current?.focus({ preventScroll: true }), []);
  const turn = (to: string[]): void => {
    top.current?.closest('.panel')?.scrollIntoView();
    setAfter(to);
  };
  return (
    <div ref={top} tabIndex={-1} role="group" aria-label={`All workers of ${node.name}`}>
      <Answer asked={asked} rows={8}>
        {(page) => (
          <>
            <WorkerTable workers={page.workers} node={node} session={session} />
            <footer class="pager">
              <Button icon="previous" disabled={after.length === 0} onClick={() => turn(after.slice(0, -1))}>
                Previous
              </Button>
              <span class="hush">{`Page ${after.length + 1}${page.next ? '' : ', the last'}`}</span>
              <Button disabled={!page.next || asked.isOld} onClick={() => page.next && turn([...after, page.next])}>
                Next
              </Button>
            </footer>
          </>
        )}
      </Answer>
    </div>
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
