import "./scatter.css";
import { scaleLinear } from "d3-scale";

/** Whose point it is; each has a shape and a colour of its own. */
export type Who = "a" | "b" | "none";

/** A point of a {@link Scatter}. */
export interface ScatterPoint {
  readonly who: Who;
  /** 0..1 */
  readonly x: number;
  /** 0..1 */
  readonly y: number;
  /** Points of one group have a mean. */
  readonly group: number;
  /** Told where one points at it. */
  readonly said: string;
}

/** Points of several methods, their means by group, and a line through the means. */
export interface ScatterProps {
  readonly points: readonly ScatterPoint[];
  readonly xLabel: string;
  readonly yLabel: string;
}

/** Size of the drawing. */
export const SCATTER_SIZE = { width: 400, height: 300 } as const;
const EDGE = { left: 56, right: 24, top: 12, bottom: 44 } as const;
const TICKS = [0, 0.25, 0.5, 0.75, 1];

/** Where each group of a method has its mean, from left to right. */
export function meansOf(points: readonly ScatterPoint[], who: Who): { x: number; y: number }[] {
  const all = points.filter((point) => point.who === who);
  return [...new Set(all.map(({ group }) => group))]
    .map((group) => {
      const own = all.filter((point) => point.group === group);
      const mean = (of: (point: ScatterPoint) => number) => own.reduce((sum, one) => sum + of(one), 0) / own.length;
      return { x: mean(({ x }) => x), y: mean(({ y }) => y) };
    })
    .sort((a, b) => a.x - b.x);
}

/** Shares of something against shares of another thing. */
export function Scatter({ points, xLabel, yLabel }: ScatterProps) {
  const { width, height } = SCATTER_SIZE;
  const x = scaleLinear([0, 1], [EDGE.left, width - EDGE.right]);
  const y = scaleLinear([0, 1], [height - EDGE.bottom, EDGE.top]);
  return (
    <g class="scatter">
      {TICKS.map((tick) => (
        <g key={tick}>
          <line class="tick" x1={x(tick)} x2={x(tick)} y1={y(0)} y2={y(1)} />
          <line class="tick" x1={x(0)} x2={x(1)} y1={y(tick)} y2={y(tick)} />
          <text x={x(tick)} y={y(0) + 16} text-anchor="middle">
            {tick * 100} %
          </text>
          <text x={x(0) - 6} y={y(tick) + 4} text-anchor="end">
            {tick}
          </text>
        </g>
      ))}
      <text x={(x(0) + x(1)) / 2} y={height - 8} text-anchor="middle">
        {xLabel}
      </text>
      <text transform={`translate(13 ${(y(0) + y(1)) / 2}) rotate(-90)`} text-anchor="middle">
        {yLabel}
      </text>
      {(["none", "b", "a"] as const).map((who) => (
        <g key={who} class={who}>
          {points.map(
            (point, i) =>
              point.who === who && (
                <g key={i} class="point" transform={`translate(${x(point.x)} ${y(point.y)})`}>
                  <Mark who={who} size={4} />
                  <title>{point.said}</title>
                </g>
              ),
          )}
          <polyline
            points={meansOf(points, who)
              .map((mean) => `${x(mean.x)},${y(mean.y)}`)
              .join(" ")}
          />
          {meansOf(points, who).map((mean) => (
            <g key={mean.x} class="mean" transform={`translate(${x(mean.x)} ${y(mean.y)})`}>
              <Mark who={who} size={8} />
            </g>
          ))}
        </g>
      ))}
    </g>
  );
}

/** A circle, a triangle or a square. */
export function Mark({ who, size }: { readonly who: Who; readonly size: number }) {
  if (who === "a") return <circle r={size} />;
  if (who === "b") return <path d={`M0 ${-size * 1.2} L${size * 1.1} ${size * 0.8} L${-size * 1.1} ${size * 0.8} Z`} />;
  return <rect x={-size} y={-size} width={2 * size} height={2 * size} />;
}
