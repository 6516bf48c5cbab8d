import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { tick } from '../format';
import { useTheme } from './theme';
import { useZone } from './zone';

export interface Line {
  label: string;
  color: string;
  isArea?: boolean;
}

interface Shown {
  title: string;
  lines: Line[];
  times: number[];
  values: (number | null)[][];
  format: (value: number) => string;
  /** On the axis, where it is not a plain number. */
  axis?: (value: number) => string;
}

const height = 150;

function css(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** A chart over time. All charts of a page show the same moment under the pointer. */
export function Chart({ title, lines, times, values, format, axis = tick }: Shown) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const theme = useTheme();
  const zone = useZone();
  const isEmpty = times.length < 2;
  useEffect(() => {
    const element = box.current;
    if (!element || isEmpty) return undefined;
    const made = new uPlot(options(element.clientWidth, lines, axis, zone === 'database', setAt), [times, ...values] as uPlot.AlignedData, element);
    plot.current = made;
    const watch = new ResizeObserver(() => {
      if (element.clientWidth > 0) made.setSize({ width: element.clientWidth, height });
    });
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = null;
    };
    // Colours are read when it is made; data comes below.
  }, [theme, zone, isEmpty, lines.length]);
  useEffect(() => plot.current?.setData([times, ...values] as uPlot.AlignedData), [times, values]);
  const shown = at ?? times.length - 1;
  return (
    <figure class="chart">
      <figcaption>
        <h3>{title}</h3>
        <ul>
          {lines.map((line, i) => {
            const value = values[i]?.[shown];
            return (
              <li key={line.label}>
                {lines.length > 1 && <i style={{ background: `var(${line.color})` }} aria-hidden="true" />}
                {lines.length > 1 && `${line.label} `}
                <b>{value === null || value === undefined ? '–' : format(value)}</b>
              </li>
            );
          })}
        </ul>
      </figcaption>
      <div class="plot" ref={box}>
        {isEmpty && <p class="hush">The leader takes a sample about every ten seconds; there are none of this time yet.</p>}
      </div>
    </figure>
  );
}

function options(width: number, lines: Line[], label: (value: number) => string, isUtc: boolean, point: (at: number | null) => void): uPlot.Options {
  const axis = { stroke: css('--muted'), font: '11px system-ui, sans-serif', grid: { stroke: css('--line-soft'), width: 1 }, ticks: { show: false } };
  return {
    width,
    height,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, sync: { key: 'pampa', scales: ['x', null] }, points: { size: 6 } },
    scales: { y: { range: (_u, _min, max) => [0, max > 0 ? max * 1.12 : 1] } },
    axes: [
      { ...axis, space: 64, size: 26, values: (_u, ticks) => labels(ticks, isUtc) },
      { ...axis, size: 52, space: 34, values: (_u, ticks) => ticks.map((v) => label(v)) },
    ],
    series: [
      {},
      ...lines.map((line) => ({
        label: line.label,
        stroke: css(line.color),
        width: 1.75,
        points: { show: false },
        spanGaps: true,
        ...(line.isArea ? { fill: `${css(line.color)}22` } : {}),
      })),
    ],
    hooks: { setCursor: [(u) => point(u.cursor.idx ?? null)] },
  };
}

const ofClock: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit' };
const ofDay: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'short' };
const here = [new Intl.DateTimeFormat('en-GB', ofClock), new Intl.DateTimeFormat('en-GB', ofDay)] as const;
const utc = [new Intl.DateTimeFormat('en-GB', { ...ofClock, timeZone: 'UTC' }), new Intl.DateTimeFormat('en-GB', { ...ofDay, timeZone: 'UTC' })] as const;

function labels(ticks: number[], isUtc: boolean): string[] {
  const isLong = ticks.length > 1 && ticks[1]! - ticks[0]! >= 86_400;
  const format = (isUtc ? utc : here)[isLong ? 1 : 0];
  return ticks.map((t) => format.format(new Date(t * 1_000)));
}
