import { scaleLinear } from "d3-scale";
import { pointed } from "../state/state.ts";
import "./ruler.css";

/** Ids of one policy. */
export interface RulerRow {
  readonly name: string;
  /** Of each kept token, in order. */
  readonly ids: readonly number[];
  /** Of the first token of text behind the image. */
  readonly nextId: number;
}

/** A ruler of position ids, with a row for each policy. */
export interface RulerProps {
  readonly rows: readonly RulerRow[];
  /** The row that is in use. */
  readonly used: string;
  /** Ids from the first token of the prompt to the last that any row has. */
  readonly range: readonly [number, number];
  /** Patch of each kept token, −1 without one. */
  readonly cells: readonly number[];
  /** Tokens of text behind the image; undefined before it is known. */
  readonly text: number | undefined;
}

/** Width of the drawing. */
export const RULER_WIDTH = 480;
const ROW = 62;
const TOP = 34;
const TICK = 22;

/** Height of a ruler of so many rows. */
export function rulerHeight(rows: number): number {
  return TOP + rows * ROW;
}

/**
 * Position ids as ticks. It is one stop of the tab key; left and right arrow keys, Home and End go over the kept tokens,
 * and the other figures point at their patches.
 */
export function Ruler({ rows, used, range, cells, text }: RulerProps) {
  const x = scaleLinear(range, [8, RULER_WIDTH - 8]);
  const at = pointed.value === undefined ? -1 : cells.indexOf(pointed.value);
  const inUse = rows.find(({ name }) => name === used) ?? rows[0];
  const go = (index: number) => {
    const cell = cells[Math.min(cells.length - 1, Math.max(0, index))];
    if (cell >= 0) pointed.value = cell;
  };
  return (
    <g
      class="ruler"
      role="slider"
      tabindex={0}
      aria-label="kept token"
      aria-valuemin={0}
      aria-valuemax={Math.max(0, cells.length - 1)}
      aria-valuenow={Math.max(0, at)}
      aria-valuetext={at < 0 ? "none" : `token ${at + 1} of ${cells.length}, position id ${inUse.ids[at]}`}
      onKeyDown={(event) => {
        const steps: Readonly<Record<string, number>> = {
          ArrowLeft: at - 1,
          ArrowDown: at - 1,
          ArrowRight: at + 1,
          ArrowUp: at + 1,
          Home: 0,
          End: cells.length - 1,
        };
        if (steps[event.key] === undefined) return;
        go(steps[event.key]);
        event.preventDefault();
      }}
      onPointerDown={(event) => go(nearest(event, inUse.ids, x.invert))}
      onPointerMove={(event) => event.pointerType === "mouse" && go(nearest(event, inUse.ids, x.invert))}
    >
      <rect width={RULER_WIDTH} height={rulerHeight(rows.length)} fill="transparent" />
      {x.ticks(6).map((tick) => (
        <g key={tick} class="mark">
          <line x1={x(tick)} x2={x(tick)} y1={TOP - 10} y2={rulerHeight(rows.length)} />
          <text x={x(tick)} y={18} font-size={17} text-anchor="middle">
            {tick}
          </text>
        </g>
      ))}
      {rows.map((row, i) => (
        <IdRow key={row.name} row={row} top={TOP + i * ROW} used={row.name === used} {...{ x, at, text }} />
      ))}
    </g>
  );
}

interface IdRowProps {
  readonly row: RulerRow;
  readonly top: number;
  readonly used: boolean;
  readonly x: (id: number) => number;
  /** The token that is pointed at, −1: none. */
  readonly at: number;
  /** Tokens of text behind the image; undefined before it is known. */
  readonly text: number | undefined;
}

/** The ids of one policy: a tick for each token, a bar for the text before and behind. */
function IdRow({ row: { name, ids, nextId }, top, used, x, at, text = 0 }: IdRowProps) {
  const [first] = ids;
  const y = top + 30;
  return (
    <g class={used ? "ids used" : "ids"}>
      <text x={8} y={top + 20} font-size={17}>
        {used ? `▸ ${name} (in use)` : name}
      </text>
      <rect class="text" x={x(0)} y={y + 7} width={Math.max(0, x(first) - x(0) - 2)} height={8} />
      <rect class="text" x={x(nextId)} y={y + 7} width={x(nextId + text) - x(nextId)} height={8} />
      <path class="ticks" d={ids.map((id) => `M${x(id).toFixed(1)} ${y}v${TICK}`).join("")} />
      {at >= 0 && at < ids.length && (
        <>
          <path class="now" d={`M${x(ids[at])} ${y - 4}v${TICK + 8}`} />
          <text class="id" x={RULER_WIDTH - 8} y={top + 20} font-size={17} text-anchor="end">
            {`id ${ids[at]}`}
          </text>
        </>
      )}
    </g>
  );
}

/** The token whose id is nearest to a pointer. */
function nearest(event: PointerEvent, ids: readonly number[], idAt: (x: number) => number): number {
  const inverse = (event.currentTarget as SVGGraphicsElement).getScreenCTM()?.inverse();
  const id = idAt(new DOMPoint(event.clientX, event.clientY).matrixTransform(inverse).x);
  return ids.reduce((best, one, i) => (Math.abs(one - id) < Math.abs(ids[best] - id) ? i : best), 0);
}
