import "./scatter.css";
import { scaleLinear, scaleLog } from "d3-scale";
import { bootstrap, type Estimate } from "../../../../src/eval/score/bootstrap.ts";

/** Whose point it is; each has a shape and a colour of its own. */
export type Who = "a" | "b" | "none" | "yours";

/** A point of a {@link Scatter}. */
export interface ScatterPoint {
  readonly who: Who;
  /** Above 0. */
  readonly x: number;
  /** 0..1 */
  readonly y: number;
  /** Points of one group have a mean. */
  readonly group: number;
  /** Told where one points at it. */
  readonly said: string;
}

/** Points of several methods, and their means by group with intervals. */
export interface ScatterProps {
  readonly points: readonly ScatterPoint[];
  readonly means: Readonly<Record<Who, readonly GroupMean[]>>;
  /** Values of x that are written below, ascending. */
  readonly ticks: readonly number[];
  readonly xLabel: string;
  readonly yLabel: string;
}

/** Size of the drawing. */
export const SCATTER_SIZE = { width: 400, height: 300 } as const;
const EDGE = { left: 56, right: 30, top: 12, bottom: 44 } as const;
const TICKS = [0, 0.25, 0.5, 0.75, 1];
/** Methods have the same budgets: they stand side by side, in units of the drawing. */
const BESIDE: Readonly<Record<Who, number>> = { a: -8, none: 0, b: 8, yours: 16 };

/** Seed of the resamples of an interval. */
const SEED = 1;

/** The points of a group of a method, and their mean. */
export interface GroupMean {
  readonly group: number;
  readonly x: number;
  /** Mean of y with its 95 % interval. */
  readonly y: Estimate;
  readonly count: number;
}

/** The mean of each group of a method, from left to right. */
export function meansOf(points: readonly ScatterPoint[], who: Who): GroupMean[] {
  const all = points.filter((point) => point.who === who);
  return [...new Set(all.map(({ group }) => group))]
    .map((group) => {
      const own = all.filter((point) => point.group === group);
      const y = bootstrap(
        own.map((point) => [point.y]),
        SEED,
      );
      return { group, x: own.reduce((sum, point) => sum + point.x, 0) / own.length, y, count: own.length };
    })
    .sort((a, b) => a.x - b.x);
}

/** Shares, from 0 to 1, over amounts on a logarithmic scale. */
export function Scatter({ points, means, ticks, xLabel, yLabel }: ScatterProps) {
  const { width, height } = SCATTER_SIZE;
  const [left, right] = [EDGE.left, width - EDGE.right];
  const amount = scaleLog([ticks[0], ticks[ticks.length - 1]], [left + 16, right - 16]);
  const x = (who: Who, value: number) => amount(value) + BESIDE[who];
  const y = scaleLinear([0, 1], [height - EDGE.bottom, EDGE.top]);
  return (
    <g class="scatter">
      {TICKS.map((tick) => (
        <g key={tick}>
          <line class="tick" x1={left} x2={right} y1={y(tick)} y2={y(tick)} />
          <text x={left - 6} y={y(tick) + 4} text-anchor="end">
            {tick}
          </text>
        </g>
      ))}
      {ticks.map((tick) => (
        <g key={tick}>
          <line class="tick" x1={amount(tick)} x2={amount(tick)} y1={y(0)} y2={y(1)} />
          <text x={amount(tick)} y={y(0) + 18} text-anchor="middle">
            {tick}
          </text>
        </g>
      ))}
      <text x={(left + right) / 2} y={height - 8} text-anchor="middle">
        {xLabel}
      </text>
      <text transform={`translate(13 ${(y(0) + y(1)) / 2}) rotate(-90)`} text-anchor="middle">
        {yLabel}
      </text>
      {(["none", "yours", "b", "a"] as const).map((who) => (
        <g key={who} class={who}>
          {points.map(
            (point, i) =>
              point.who === who && (
                <g key={i} class="point" transform={`translate(${x(who, point.x)} ${y(point.y)})`}>
                  <Mark who={who} size={4} />
                  <title>{point.said}</title>
                </g>
              ),
          )}
          {means[who].map((mean) => (
            <g key={mean.group}>
              {(["halo", "line"] as const).map((part) => (
                <path
                  key={part}
                  class={`interval ${part}`}
                  d={whisker(x(who, mean.x), y(mean.y.low), y(mean.y.high))}
                />
              ))}
              <g class="mean" transform={`translate(${x(who, mean.x)} ${y(mean.y.score)})`}>
                <Mark who={who} size={7} />
                <title>{`mean ${meanInWords(mean)}`}</title>
              </g>
            </g>
          ))}
        </g>
      ))}
    </g>
  );
}

/** An interval as a line with an end above and below. */
const whisker = (x: number, low: number, high: number) => `M${x} ${low}V${high}M${x - 5} ${low}h10M${x - 5} ${high}h10`;

/** `0.51 (0.37 to 0.63)`; of one answer `0.51`, since there is nothing to draw an interval from. */
export function meanInWords({ count, y: { score, low, high } }: Pick<GroupMean, "count" | "y">): string {
  return count > 1 ? `${score.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})` : score.toFixed(2);
}

/** A circle, a triangle, a diamond or a square. */
export function Mark({ who, size }: { readonly who: Who; readonly size: number }) {
  if (who === "a") return <circle r={size} />;
  if (who === "b") return <path d={`M0 ${-size * 1.2} L${size * 1.1} ${size * 0.8} L${-size * 1.1} ${size * 0.8} Z`} />;
  if (who === "yours") return <path d={`M0 ${-size * 1.3} L${size * 1.3} 0 L0 ${size * 1.3} L${-size * 1.3} 0 Z`} />;
  return <rect x={-size} y={-size} width={2 * size} height={2 * size} />;
}
