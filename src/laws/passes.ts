import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { type Grid, patchCount } from "../core/grid.ts";
import { runSync, tensorsIn } from "../core/readback.ts";
import type { VisualSlot } from "../core/slots.ts";
import { noTap } from "../core/taps.ts";
import type { Method } from "../methods/method.ts";
import { POSITION_POLICIES, type PositionPolicy } from "../methods/nuwa/positions.ts";
import { disposeModel, type Vlm } from "../model/vlm.ts";
import { type ForwardResult, forward } from "../pipeline/prefill.ts";
import { atLeast, equal } from "./assert.ts";
import { tinyModel } from "./tiny.ts";

/** Generated whole passes of tiny models: what laws about any method look at. */

/** Grids of the tiny models that the cases run on. */
export const GRIDS: readonly Grid[] = [
  { rows: 4, columns: 4 },
  { rows: 1, columns: 1 },
  { rows: 1, columns: 5 },
  { rows: 3, columns: 5 },
  { rows: 5, columns: 2 },
];
/** The placeholder of an image in the tiny vocabulary. */
const IMAGE = 3;

const words = (min: number, max: number) =>
  fc.array(fc.integer({ min: 4, max: 39 }), { minLength: min, maxLength: max });

/** Two pictures with a question each, and what every method is asked for. */
export const methodCases = fc.nat(GRIDS.length - 1).chain((which) =>
  fc.record({
    which: fc.constant(which),
    grid: fc.constant(GRIDS[which]),
    /** Of the pictures, and of methods that draw. */
    seed: fc.integer({ min: 1, max: 1000 }),
    asked: fc.record({
      // On the largest grid an average need not be given: some methods have published their own numbers.
      average: fc.option(
        fc.integer({ min: 1, max: patchCount(GRIDS[which]) }).map((tokens) => ({ tokens })),
        { nil: which === 0 ? undefined : { tokens: 1 }, freq: 4 },
      ),
      positions: fc.constantFrom(...POSITION_POLICIES),
    }),
    prompts: fc.tuple(
      fc.record({ before: words(0, 4), after: words(1, 5) }),
      fc.record({ before: words(0, 4), after: words(1, 5) }),
    ),
    /** What follows, as many words for both. */
    more: words(1, 3),
  }),
);

/** A case of {@link methodCases}. */
export type MethodCase = typeof methodCases extends fc.Arbitrary<infer T> ? T : never;

/** Token ids of a prompt with its image. */
export function idsOf({ before, after }: MethodCase["prompts"][number], more: readonly number[] = []): number[] {
  return [...before, IMAGE, ...after, ...more];
}

/** What a run may look at or change. */
export interface RunOptions {
  /** Which of the two samples: both, unless one is to run alone. */
  readonly samples?: readonly number[];
  /** Text behind the question. */
  readonly more?: readonly number[];
  readonly tap?: typeof noTap;
}

/** A forward pass of a case. Who calls frees what it returns. */
export function pass(
  model: Vlm,
  { seed, grid, prompts }: MethodCase,
  method: Method,
  { samples = [0, 1], more, tap = noTap }: RunOptions = {},
): ForwardResult {
  const shape: [number, number, number, number] = [1, 3, 4 * grid.rows, 4 * grid.columns];
  const pixels = tf.tidy(
    () =>
      tf.concat(
        samples.map((sample) => tf.randomNormal(shape, 0, 1, "float32", seed + sample)),
        0,
      ) as tf.Tensor4D,
  );
  const chosen = samples.map((sample) => idsOf(prompts[sample], more));
  try {
    return runSync(() => forward(model, { pixels, prompts: chosen }, method, tap));
  } finally {
    pixels.dispose();
  }
}

/** A forward pass that is looked at and then freed. */
export function seen<T>(
  model: Vlm,
  input: MethodCase,
  method: Method,
  look: (result: ForwardResult) => T,
  options: RunOptions = {},
): T {
  const result = pass(model, input, method, options);
  try {
    return look(result);
  } finally {
    tf.dispose(tensorsIn(result));
  }
}

/** What became of each visual token of a sample. */
export function fates({ ledgers }: ForwardResult, sample: number): unknown[] {
  return (ledgers[sample]?.tokens ?? []).map(({ cell, position, firstLayer, layers }) => [
    cell,
    position,
    firstLayer,
    layers,
  ]);
}

/**
 * What the policies say of tokens that were numbered together; positions.test.ts has the exact numbers.
 *
 * @param start how many tokens stand before the image
 * @param total patches of the image
 */
export function followsPolicy(
  policy: PositionPolicy,
  visual: readonly VisualSlot[],
  start: number,
  total: number,
): void {
  const ids = visual.map(({ position }) => position[0]);
  if (policy === "compressed") {
    equal(
      ids,
      visual.map((_, i) => start + i),
    );
    return;
  }
  visual.forEach(({ cell }, i) => {
    if (cell === -1) equal(ids[i], i === 0 ? start : ids[i - 1]);
    else if (policy === "original") equal(ids[i], start + cell);
  });
  // Stretched from the image's start to its end.
  const ofCells = visual
    .filter(({ cell }) => cell !== -1)
    .sort((a, b) => a.cell - b.cell)
    .map(({ position: [id] }) => id);
  ofCells.forEach((id, i) => {
    equal(Number.isInteger(id), true);
    if (i > 0) atLeast(id, ofCells[i - 1] + 1);
  });
  if (policy === "rpme" && ofCells.length > 0) equal(ofCells[0], start);
  if (policy === "rpme" && ofCells.length > 1) equal(ofCells[ofCells.length - 1], start + total - 1);
}

/** A model for each grid of {@link GRIDS}, made when it is first asked for. */
export interface PassModels {
  /** The model of a case. */
  of(input: MethodCase): Vlm;
  /** Frees them all. */
  dispose(): void;
}

/**
 * Models for the cases of {@link methodCases}; a backend must have been chosen.
 *
 * @param top fields of config.json that are to be different
 */
export function passModels(top: object = {}): PassModels {
  const made = new Map<number, Vlm>();
  return {
    of({ which }) {
      const { rows, columns } = GRIDS[which];
      const model = made.get(which) ?? tinyModel({ top, vision: { image_size: [4 * rows, 4 * columns] } });
      made.set(which, model);
      return model;
    },
    dispose() {
      for (const model of made.values()) disposeModel(model);
      made.clear();
    },
  };
}
