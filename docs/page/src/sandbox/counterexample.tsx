import { patchesPerRegion } from "../../../../src/methods/nuwa/alignment.ts";
import { regionsOf } from "../../../../src/methods/nuwa/separation.ts";
import { heat, scaled } from "../figures/colours.ts";
import { Figure } from "../figures/figure.tsx";
import type { DrawnCall, ToldVerdict } from "../model/protocol.ts";
import { lawWords } from "./law-words.ts";

/** Side of a patch in this drawing. */
const SIDE = 44;

/** The smallest case that breaks a law: drawn, where it is about selections, and else as text. */
export function Counterexample({ broken, sentence }: { broken: NonNullable<ToldVerdict["broken"]>; sentence: string }) {
  const { calls, message, picture } = broken;
  const words = lawWords(sentence);
  return (
    <>
      <p>{comparison(message, words?.measured)}</p>
      {calls?.map((call, i) => (
        <CallFigure
          key={i}
          call={call}
          name={words?.calls?.[i]}
          title={`Counterexample${calls.length > 1 ? ` ${i + 1}` : ""}: ${sentence}`}
        />
      ))}
      {!calls && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        <pre tabIndex={0}>{picture}</pre>
      )}
    </>
  );
}

/** A law's message with the name of what it compares. */
export function comparison(message: string, measured: string | undefined): string {
  const [, expected, got] = /^expected (.*), got (.*)$/s.exec(message) ?? [];
  if (expected === undefined || measured === undefined) return message;
  const said = (text: string) => (text === "true" ? "yes" : text === "false" ? "no" : rounded(text));
  return `Compared: ${measured}. Expected: ${said(expected)}. Your pruner: ${said(got)}.`;
}

/** Lists as they are, and numbers with at most three decimals. */
const rounded = (text: string) => text.replaceAll(/\d+\.\d{4,}/g, (number) => Number(number).toFixed(3));

interface CallProps {
  readonly call: DrawnCall;
  /** Which of several calls it is. */
  readonly name?: string;
  readonly title: string;
}

function CallFigure({ call, name, title }: CallProps) {
  const { grid, scores, regionSize, kept } = call;
  const shares = scaled(scores);
  const counts = new Map<number, number>();
  for (const cell of kept) counts.set(cell, (counts.get(cell) ?? 0) + 1);
  const [width, height] = [grid.columns * SIDE, grid.rows * SIDE];
  return (
    <div class="case" style={{ "--case-width": `${grid.columns * 2.75}rem` }}>
      <Figure {...{ title }} width={width + 4} height={height + 4} caption={<CallCaption {...{ call, name }} />}>
        <g transform="translate(2 2)" class="counterexample">
          {scores.map((score, cell) => {
            const [x, y] = [(cell % grid.columns) * SIDE, Math.floor(cell / grid.columns) * SIDE];
            const count = counts.get(cell) ?? 0;
            return (
              <g key={cell}>
                <rect {...{ x, y }} width={SIDE} height={SIDE} fill={heat(shares[cell])} />
                <text
                  x={x + SIDE / 2}
                  y={y + SIDE / 2 + 4}
                  text-anchor="middle"
                  fill={shares[cell] > 0.5 ? "#000000" : "#ffffff"}
                >
                  {shortened(score)}
                </text>
                {count > 0 && (
                  <Ring cx={x + SIDE / 2} cy={y + SIDE / 2} light={shares[cell] <= 0.5} twice={count > 1} />
                )}
              </g>
            );
          })}
          {(["halo", "line"] as const).map((part) => (
            <g key={part} class={part}>
              {regionLines(grid.columns, regionSize).map((x) => (
                <line key={`x${x}`} x1={x * SIDE} x2={x * SIDE} y1={0} y2={height} />
              ))}
              {regionLines(grid.rows, regionSize).map((y) => (
                <line key={`y${y}`} y1={y * SIDE} y2={y * SIDE} x1={0} x2={width} />
              ))}
            </g>
          ))}
        </g>
      </Figure>
    </div>
  );
}

/** What was asked and what came, with the symbols of the laws as numbers. */
function CallCaption({ call: { grid, keep, regionSize, kept }, name }: Omit<CallProps, "title">) {
  const regions = regionsOf(grid, regionSize);
  const distinct = new Set(kept).size;
  const perRegion = distinct > 0 ? patchesPerRegion(regions, distinct) : 0;
  const cells = [...kept].sort((a, b) => a - b).join(", ");
  return (
    <p>
      {name && `${name[0].toUpperCase()}${name.slice(1)}. `}
      Numbers: scores. Asked to keep {keep} of {grid.rows} × {grid.columns} patches, it kept{" "}
      {kept.length > 0 ? `${kept.length}: ${cells} (rings)` : "none"}. Thick lines part {regions.length}{" "}
      {regions.length === 1 ? "region" : "regions"} of g × g = {regionSize} × {regionSize}
      {perRegion > 0 && `; for k = ${distinct} patches n is ${perRegion}`}.
    </p>
  );
}

function Ring({ cx, cy, light, twice }: { cx: number; cy: number; light: boolean; twice: boolean }) {
  const stroke = light ? "#ffffff" : "#000000";
  return (
    <g fill="none" stroke={stroke} stroke-width={2.5}>
      <circle {...{ cx, cy }} r={19} />
      {twice && <circle {...{ cx, cy }} r={14} />}
    </g>
  );
}

function regionLines(length: number, side: number): number[] {
  const lines = Array.from({ length: Math.ceil(length / side) }, (_, i) => i * side);
  return [...lines, length];
}

/** In at most five characters or so. */
function shortened(score: number): string {
  if (score !== 0 && (Math.abs(score) >= 1e4 || Math.abs(score) < 1e-2)) return score.toExponential(0);
  return String(Number(score.toPrecision(2)));
}
