import { count } from '../format';
import { states, type Job } from '../shapes';

/** How the records of a job share out over the states. */
export function StateBar({ job }: { job: Job }) {
  const order = ['completed', 'failed', 'running', 'reserved', 'pending', 'scheduled'] as const;
  const total = order.reduce((sum, s) => sum + job[s], 0);
  const label = !job.isCounted ? 'not counted' : states.map((s) => `${count(job[s], job.isExact)} ${s}`).join(', ');
  return (
    <div class="bar" role="img" aria-label={label} title={label}>
      {total > 0 && order.map((s) => job[s] > 0 && <i key={s} class={s} style={{ flexGrow: String(job[s] / total) }} />)}
    </div>
  );
}

/** A line without axes: how it went lately. */
export function Spark({ values, label }: { values: number[]; label: string }) {
  const [width, height] = [120, 28];
  const top = Math.max(...values, 0);
  const step = values.length > 1 ? width / (values.length - 1) : width;
  const points = values.map((v, i) => `${(i * step).toFixed(1)},${(height - 2 - (top > 0 ? (v / top) * (height - 5) : 0)).toFixed(1)}`);
  return (
    <svg class="spark" viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="img" aria-label={label} preserveAspectRatio="none">
      <line x1="0" y1={height - 1.5} x2={width} y2={height - 1.5} class="ground" />
      {values.length > 1 && (
        <>
          <polygon points={`0,${height - 1.5} ${points.join(' ')} ${width},${height - 1.5}`} class="area" />
          <polyline points={points.join(' ')} class="line" />
        </>
      )}
    </svg>
  );
}

/** Part of a whole, as a thin line. */
export function Meter({ value, of, label, isLow }: { value: number; of: number; label: string; isLow?: boolean }) {
  const share = of > 0 ? Math.min(1, value / of) : 0;
  return (
    <span class={isLow ? 'meter low' : 'meter'} role="img" aria-label={label} title={label}>
      <i style={{ width: `${(share * 100).toFixed(1)}%` }} />
    </span>
  );
}
