import { heat, scaled } from "../figures/colours.ts";
import { Figure } from "../figures/figure.tsx";
import type { ToldVerdict } from "../model/protocol.ts";

/** Side of a patch in this drawing. */
const SIDE = 44;

/** The smallest case that breaks a law: drawn, where it is a grid with scores, and else as text. */
export function Counterexample({ broken, sentence }: { broken: NonNullable<ToldVerdict["broken"]>; sentence: string }) {
  const { drawn, message, picture } = broken;
  if (!drawn)
    return (
      <>
        <p>{message}</p>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
        <pre tabIndex={0}>{picture}</pre>
      </>
    );
  const { grid, scores, keep, regionSize, kept } = drawn;
  const shares = scaled(scores);
  const counts = new Map<number, number>();
  for (const cell of kept) counts.set(cell, (counts.get(cell) ?? 0) + 1);
  const [width, height] = [grid.columns * SIDE, grid.rows * SIDE];
  return (
    <>
      <p>{message}</p>
      <div class="case" style={{ "--case-width": `${grid.columns * 2.75}rem` }}>
        <Figure
          title={`Counterexample: ${sentence}`}
          width={width + 4}
          height={height + 4}
          caption={
            `Asked to keep ${keep} of ${grid.rows} × ${grid.columns} patches: ` +
            (kept.length > 0 ? `ring: kept; thick lines: regions of ${regionSize} × ${regionSize}.` : "it kept none.")
          }
        >
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
    </>
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
