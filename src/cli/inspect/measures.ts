import { attentionBlocking, BLOCKED, type Blocking } from "../../analysis/blocking.ts";
import { objectCohesion } from "../../analysis/cohesion.ts";
import { decoderEntropy, towerEntropy } from "../../analysis/entropy.ts";
import { attentionFlow, type SegmentFlow } from "../../analysis/flow.ts";
import { gradientFlow } from "../../analysis/gradient-flow.ts";
import { logitLens } from "../../analysis/lens.ts";
import type { Measure } from "../../analysis/measure.ts";
import { normOverlap } from "../../analysis/norms.ts";
import { activationPatching, type PatchingOptions } from "../../analysis/patching.ts";
import type { Box } from "../../core/boxes.ts";
import { UsageError } from "../../core/errors.ts";
import type { TensorValues } from "../../io/safetensors.ts";

/** What measures are made with. */
export interface MeasureInputs {
  /** Decoder layers of the model. */
  readonly layers: number;
  readonly box: Box | undefined;
  /** The same prompt on the mirrored picture. */
  readonly mirrored: () => PatchingOptions["source"];
}

/** Named tensors of a dump. */
export type Entries = readonly (readonly [name: string, values: TensorValues])[];

/** A measure by its name in `--measure`: how it is made, and what it writes to a dump. */
type NamedMeasure = (inputs: MeasureInputs) => Measure<Entries>;

/** A measure whose result becomes named tensors. */
function written<T>(measure: Measure<T>, entries: (found: T) => Entries): Measure<Entries> {
  return (model, watch) => {
    const finish = measure(model, watch);
    return async (pass) => entries(await finish(pass));
  };
}

/** Two measures as one. */
function both(first: Measure<Entries>, second: Measure<Entries>): Measure<Entries> {
  return (model, watch) => {
    const finishes = [first, second].map((one) => one(model, watch));
    return async (pass) => [...(await finishes[0](pass)), ...(await finishes[1](pass))];
  };
}

const MEASURES: Readonly<Record<string, NamedMeasure>> = {
  entropy: () =>
    both(
      written(towerEntropy(), (found) => [["vision.entropy", listOf(found)]]),
      written(decoderEntropy(), (found) => [["llm.entropy", listOf(found)]]),
    ),
  flow: () => written(attentionFlow(), (found) => [["llm.flow", flowTensor(found)]]),
  "flow-gradient": () => written(gradientFlow(), (found) => [["llm.flow_gradient", flowTensor(found)]]),
  "logit-lens": ({ layers }) =>
    written(logitLens(), ({ top, probability, lastRank }) => [
      ["llm.logit_lens.layers", { shape: [layers + 1], values: Int32Array.from({ length: layers + 1 }, (_, t) => t) }],
      [
        "llm.logit_lens.top",
        { shape: [top.length, top[0].length], values: Int32Array.from(top.flatMap((row) => [...row])) },
      ],
      ["llm.logit_lens.value", rowsOf(probability)],
      ["llm.logit_lens.last", { shape: [lastRank.length], values: lastRank }],
    ]),
  blocking: () =>
    written(attentionBlocking(), (found) =>
      (Object.keys(BLOCKED) as Blocking[]).flatMap((name) =>
        found[name].map((logits, quarter) => [`llm.blocked.${name}.${quarter}`, listOf(logits)] as const),
      ),
    ),
  cohesion: ({ box }) => {
    if (!box) throw new UsageError("--measure cohesion needs --box x1,y1,x2,y2: the object, in shares of the picture.");
    return written(objectCohesion(box), (found) =>
      found.flatMap((states, grid) =>
        (["vision", "llm"] as const).map(
          (part) => [named(`object.cohesion.${part}`, grid), listOf(states[part])] as const,
        ),
      ),
    );
  },
  norms: () =>
    written(normOverlap(), (found) =>
      found.map((share, grid) => [named("norms.overlap", grid), listOf(share)] as const),
    ),
  patching: ({ layers, mirrored }) => {
    const at = [...new Set([0, layers / 4, layers / 2, (3 * layers) / 4, layers - 1].map(Math.floor))];
    return written(activationPatching({ source: mirrored(), layers: at }), ({ logits }) => [
      ["patching.layers", { shape: [at.length], values: Int32Array.from(at) }],
      ["patching.logits_last", rowsOf(logits.map(([visual]) => visual))],
    ]);
  },
};

/** What `--measure` takes. */
export const MEASURE_NAMES = Object.keys(MEASURES);

/**
 * The measures that a comma-separated list names.
 *
 * @throws UsageError when one does not exist, is named twice, or lacks what it needs
 */
export function measuresNamed(list: string, inputs: MeasureInputs): Readonly<Record<string, Measure<Entries>>> {
  const names = list.split(",").map((name) => name.trim());
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new UsageError(`--measure names "${twice}" twice.`);
  return Object.fromEntries(
    names.map((name) => {
      if (!Object.hasOwn(MEASURES, name))
        throw new UsageError(`--measure "${name}" does not exist. There are: ${MEASURE_NAMES.join(", ")}.`);
      return [name, MEASURES[name](inputs)];
    }),
  );
}

/** The grids of an image behind the first have their number in the name. */
function named(name: string, grid: number): string {
  return grid === 0 ? name : `${name}/grid=${grid}`;
}

function listOf(values: Float32Array): TensorValues {
  return { shape: [values.length], values };
}

function rowsOf(rows: readonly Float32Array[]): TensorValues {
  return { shape: [rows.length, rows[0].length], values: Float32Array.from(rows.flatMap((row) => [...row])) };
}

function flowTensor(layers: SegmentFlow): TensorValues {
  const [{ length }] = layers;
  return { shape: [layers.length, length, length], values: Float32Array.from(layers.flat(2)) };
}
