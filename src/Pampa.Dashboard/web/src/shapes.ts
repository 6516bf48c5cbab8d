// What the server sends: Showing/Shapes.cs has the same names. Times are ISO 8601 in UTC, durations seconds.

export interface Session {
  title: string;
  isIn: boolean;
  mayAct: boolean;
  isReadOnly: boolean;
  who: string | null;
  asksSecret: boolean;
  token: string;
  database: string | null;
  version: string;
}

export interface Held {
  reason: string;
  heldFor: number;
  endsIn: number | null;
}

export interface Job {
  name: string;
  pending: number;
  scheduled: number;
  reserved: number;
  running: number;
  completed: number;
  failed: number;
  isExact: boolean;
  /** False: never yet, so that the numbers are none. */
  isCounted: boolean;
  perSecond: number | null;
  eta: number | null;
  oldestPending: number | null;
  workers: number;
  wanted: number;
  reason: string | null;
  held: Held | null;
  trouble: string | null;
  /** What is wrong beside that, with its own report or its samples. */
  fault: string | null;
  rates: number[];
  scale: Scale | null;
  durations: Durations | null;
}

/** How long the last tasks took at most, half of them and nine of ten, on the node that took longest. */
export interface Durations {
  p50: number;
  p90: number;
  nodes: number;
}

export interface Scale {
  job: string;
  workers: number;
  reason: string;
  finishBy: string | null;
  maxWait: number | null;
  eta: number | null;
  early: number | null;
}

export interface NodeJob {
  job: string;
  inHand: number;
  running: number;
  perSecond: number;
}

export interface Node {
  name: string;
  program: string;
  workers: number;
  ready: number;
  leaked: number;
  lastHeard: number;
  /** How long a heartbeat of its workers lasts. */
  lease: number;
  memory: number | null;
  cpu: number | null;
  held: Held | null;
  jobs: NodeJob[];
  limits: Limit[];
}

/** What each worker of a node may take. */
export interface Limit {
  text: string;
  name: string;
  amount: string;
  enforcement: 'none' | 'partly' | 'full';
}

export interface Worker {
  id: string;
  node: string;
  job: string | null;
  isAttached: boolean;
  isReady: boolean;
  lastHeard: number;
  /** How long a heartbeat of it lasts: one comes every third of that. */
  lease: number;
  running: { job: string; key: string; for: number } | null;
  held: Held | null;
}

export interface NodePage {
  nodes: Node[];
  next: string | null;
  /** How many match, on all pages. */
  count: number;
}

export interface WorkerPage {
  workers: Worker[];
  next: string | null;
}

export interface Finding {
  severity: 'info' | 'warning' | 'error';
  id: string;
  where: string;
  what: string;
  remedy: string;
}

export interface Operation {
  id: string;
  kind: 'records' | 'tick';
  /** Of a tick its schedule. */
  job: string;
  action: string;
  who: string;
  began: string;
  changed: number;
  running: number;
  isDone: boolean;
  error: string | null;
}

export interface Snapshot {
  at: string;
  ageSeconds: number;
  trouble: string | null;
  leader: { node: string; term: number; leadsFor: number } | null;
  jobs: Job[];
  /** The first by name, where there are very many. */
  nodes: Node[];
  nodeCount: number;
  /** Some of them, where there are very many. */
  workers: Worker[];
  /** Of all workers: the living ones, those that serve a job, and those at a task for longer than a second. */
  workerCount: { all: number; serving: number; busy: number };
  /** The first of the declared nodes that are not there, where there are very many. */
  absent: string[];
  absentCount: number;
  health: { at: string; findings: Finding[] } | null;
  operations: Operation[];
}

export interface Sample {
  at: string;
  pending: number;
  isPendingExact: boolean;
  running: number;
  completed: number;
  failed: number;
  duration: number | null;
  workers: number;
}

export interface ErrorGroup {
  pattern: string;
  count: number;
  first: string | null;
  last: string | null;
  sampleKey: string;
  sample: string;
  /** What all errors of the group have in common and nothing hides; null: nothing. */
  search: string | null;
}

export interface Errors {
  groups: ErrorGroup[];
  examined: number;
  isComplete: boolean;
}

/** What a job is, as its program has published it; without a table: no program has. */
export interface JobFacts {
  table: string | null;
  key: string[];
  program: string | null;
  maxAttempts: number | null;
  maxDuration: number | null;
  maxWorkers: number | null;
  workerFilter: string | null;
  maxWait: number | null;
  finishBy: string | null;
  finishAt: string | null;
  finishAtZone: string | null;
  where: string | null;
  orderBy: string | null;
}

export interface Column {
  name: string;
  type: string;
  isKey: boolean;
  isState: boolean;
  isShown: boolean;
  /** Whether conditions may name it. */
  isSearchable: boolean;
}

export type State = 'pending' | 'scheduled' | 'reserved' | 'running' | 'completed' | 'failed';

export const states: State[] = ['pending', 'scheduled', 'reserved', 'running', 'completed', 'failed'];

export interface Task {
  key: string;
  state: State;
  worker: string | null;
  attempts: number;
  reservedAt: string | null;
  startedAt: string | null;
  endedAt: string | null;
  error: string | null;
  values: { column: string; text: string | null; isCut: boolean }[];
}

/** Why a job's records cannot be shown in an order; null: they can. */
export interface Orders {
  latestEnd: string | null;
}

export interface TaskPage {
  tasks: Task[];
  next: string | null;
  isPartial: boolean;
  /** How many records were looked at for it, at least. */
  lookedAt: number;
}

export interface TaskDetail {
  task: Task;
  maxAttempts: number;
  generation: number | null;
  history: { at: string; what: string; attempt: number | null; worker: string | null; by: string | null; text: string | null }[];
  verdict: string;
  willRun: boolean;
  nextIn: number | null;
  conditions: { name: string; holds: boolean | null; detail: string }[];
  hiddenColumns: number;
}

export interface Schedule {
  name: string;
  expression: string;
  timeZone: string;
  state: 'active' | 'failing' | 'paused' | 'idle';
  next: string | null;
  nextIn: number | null;
  lastTick: string | null;
  lastDoneAt: string | null;
  missed: number;
  failures: number;
  error: string | null;
  retryIn: number | null;
  pausedAt: string | null;
  pauseReason: string;
  program: string;
  isInProgram: boolean;
}

export interface AuditPage {
  entries: { id: string; at: string; who: string; action: string; target: string; detail: string; count: number }[];
  next: string | null;
}

export interface Filter {
  states?: string[];
  keyPrefix?: string;
  error?: string;
  worker?: string;
  moment?: string;
  from?: string;
  until?: string;
  where?: string[];
}
