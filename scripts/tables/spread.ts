import * as tf from "@tensorflow/tfjs";
import { coverageOf } from "../../src/analysis/coverage.ts";
import { run, tensorsIn } from "../../src/core/readback.ts";
import type { SampleLedger } from "../../src/methods/ledger.ts";
import type { Pruning } from "../../src/methods/method.ts";
import type { Llava } from "../../src/model/llava/llava.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { pixelsOf, pixelTensor } from "../../src/train/shapes/pictures.ts";
import { patchLabels } from "../../src/world/labels.ts";
import type { Scene } from "../../src/world/scene.ts";

/** Side of the regions in which coverage is counted: Nüwa's. */
const REGION_SIZE = 2;

/** How the patches that enter the decoder are distributed over a picture. */
export interface Spread {
  /** Patches that enter. */
  readonly patches: number;
  /** Share of the regions that hold one. */
  readonly regions: number;
  /** Covering radius, in patches. */
  readonly radius: number;
  /** Share of the picture's shapes that one of them shows. */
  readonly shapes: number;
}

/** Looks at a scene with a method, and where its first pruning leaves patches. */
export async function spreadOf(model: Llava, scene: Scene, method: Pruning): Promise<Spread> {
  const { imageTokenId, vision } = model.config;
  const [side] = vision.imageSize;
  const pixels = pixelTensor(await pixelsOf([scene], side), side);
  // Any text will do: nothing before the decoder looks at it.
  const result = await run(() => forward(model, { pixels, prompts: [[imageTokenId, 0]] }, method));
  const {
    tokens,
    images: [
      {
        grids: [grid],
      },
    ],
  } = result.ledgers[0] as SampleLedger;
  tf.dispose([pixels, ...tensorsIn(result)]);
  const cells = tokens.flatMap(({ firstLayer, cell }) => (firstLayer === 0 && cell >= 0 ? [cell] : []));
  const { object } = patchLabels(scene, grid.rows, grid.columns);
  const shown = new Set(cells.map((cell) => object[cell]).filter((label) => label > 0));
  const { coveredRegions, regions, radius } = coverageOf(cells, grid, REGION_SIZE);
  return { patches: cells.length, regions: coveredRegions / regions, radius, shapes: shown.size / scene.shapes.length };
}
