import { join } from "node:path";
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import sharp from "sharp";
import { writeAtomically } from "../../io/files.ts";
import type { Progress } from "./training-state.ts";

/** Steps that one point of a loss curve averages. */
const WINDOW = 20;

/** What {@link curvesSvg} draws, where it is not a training of weights. */
export interface CurveOptions {
  /** Steps that one point of a loss curve averages (20). */
  readonly window?: number;
  /** Range of the figures; their own when undefined. */
  readonly domain?: readonly [number, number];
  readonly label: string;
}

const SHARES: CurveOptions = { domain: [0, 1], label: "figure (tuning split)" };

/**
 * Draws the loss and the validation figures of a training over its steps, one stage beside the other.
 *
 * @returns an SVG document
 */
export function curvesSvg(progress: Progress, { window = WINDOW, domain, label }: CurveOptions = SHARES): string {
  const { document } = parseHTML("<html><body></body></html>");
  const losses = progress.steps.flatMap(({ stage, step }, i, all) => {
    if (step % window !== 0) return [];
    const some = all.slice(Math.max(0, i + 1 - window), i + 1);
    return [{ stage, step, loss: some.reduce((sum, record) => sum + record.loss, 0) / some.length }];
  });
  const figures = progress.figures.flatMap(({ stage, step, figures: values }) =>
    Object.entries(values).map(([figure, value]) => ({ stage, step, figure, value })),
  );
  const stages = [...new Set(progress.steps.map(({ stage }) => stage))];
  const common = { document, width: 800, height: 300, marginRight: 70, fx: { domain: stages } } as const;
  const parts = [
    Plot.plot({
      ...common,
      y: { type: "log", label: "loss", grid: true },
      marks: [Plot.line(losses, { x: "step", y: "loss", fx: "stage", z: null })],
    }),
    Plot.plot({
      ...common,
      y: { domain, label, grid: true },
      color: { legend: false },
      marks: [
        Plot.line(figures, { x: "step", y: "value", z: "figure", stroke: "figure", fx: "stage" }),
        Plot.text(
          figures,
          Plot.selectLast({
            x: "step",
            y: "value",
            z: "figure",
            fx: "stage",
            text: "figure",
            textAnchor: "start",
            dx: 4,
          }),
        ),
      ],
    }),
  ];
  const nested = parts.map((part, row) => {
    part.setAttribute("y", String(row * common.height));
    return part.outerHTML;
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${common.width}" height="${common.height * parts.length}" ` +
    `style="background: white" font-family="sans-serif">` +
    `${nested.join("")}</svg>`
  );
}

/** Writes `curves.svg` and `curves.png` into a folder. */
export async function writeCurves(folder: string, progress: Progress, options?: CurveOptions): Promise<void> {
  const svg = curvesSvg(progress, options);
  writeAtomically(join(folder, "curves.svg"), svg);
  const png = await sharp(Buffer.from(svg)).flatten({ background: "white" }).png().toBuffer();
  writeAtomically(join(folder, "curves.png"), png);
}
