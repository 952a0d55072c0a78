import * as tf from "@tensorflow/tfjs";
import { UsageError } from "./errors.ts";

/** What can be seen inside one attention of the tower or the decoder; all [B, heads, T, d] or [B, heads, Q, S]. */
const ATTENTION_TAPS = ["queries", "keys", "values", "attention_scores", "attention"] as const;
type AttentionTap = (typeof ATTENTION_TAPS)[number];

/** Inside one block of the tower; both [I, T, D]. */
const BLOCK_TAPS = [
  "attention_output", // before it is added to the residual
  "residual", // after that and after merging, entering the MLP
] as const;

/** Points that every model has once. Shapes: I images, N patches, k kept, D and Hd widths, V vocabulary. */
const SINGLE_TAPS = [
  "vision.features", // [I, N, D] the selected hidden state without CLS
  "vision.cls_attention", // [I, N] attention from CLS, summed over heads
  "vision.key_norms", // [I, N] L2 norm of each patch's key over all heads
  "stage1.salience", // [I, N]
  "stage1.similarity", // [I, k, N] cosine, negatives cut off; [I, N, N] where the selection is relaxed
  "stage1.weights", // [I, k, N]
  "stage1.tokens", // [I, k, D]
  "projector.output", // [I, k, Hd]
  "llm.embeddings", // [B, S, Hd] text and visual tokens, spliced
  "stage2.scores", // [B, S] score of every token of the sequence entering the cut
  "llm.norm", // [B, S', Hd] after the final norm
  "logits_last", // [B, V] logits at the last prompt token
] as const;

/**
 * Lists of integers: they can be recorded but not replaced (write a method instead). A row for each image or
 * sample that has one; shorter rows end in −2. `stage2.indices` are those of the last cut.
 */
const LIST_TAPS = ["stage1.indices", "stage1.pillars", "stage2.indices", "final.indices", "position_ids"] as const;

/** The names of all points at which a forward pass can be observed or changed. */
export type TapName =
  | (typeof SINGLE_TAPS)[number]
  | (typeof LIST_TAPS)[number]
  | `vision.hidden_states.${number}`
  | `vision.${number}.${AttentionTap | (typeof BLOCK_TAPS)[number]}`
  | `llm.${number}.tokens`
  | `llm.${number}.output`
  | `llm.${number}.${AttentionTap}`;

/**
 * Stands at every point worth seeing: `x = tap("llm.16.tokens", x)`. The identity by default; a tap may
 * record what passes or put something else of the same shape in its place.
 */
export type Tap = <T extends tf.Tensor>(name: TapName, x: T) => T;

/** The tap that does nothing. */
export const noTap: Tap = (_name, x) => x;

/**
 * All tap names of a model, in the order in which a pass meets them (`llm.i.tokens` enters layer i, `llm.i.output` leaves it).
 *
 * @param layers numbers of transformer layers
 */
export function tapNames(layers: { readonly vision: number; readonly llm: number }): readonly TapName[] {
  const names: TapName[] = ["vision.hidden_states.0"];
  for (let i = 0; i < layers.vision; i++) {
    names.push(...[...ATTENTION_TAPS, ...BLOCK_TAPS].map((point) => `vision.${i}.${point}` as const));
    names.push(`vision.hidden_states.${i + 1}`);
  }
  names.push(...SINGLE_TAPS, ...LIST_TAPS);
  for (let i = 0; i < layers.llm; i++) {
    names.push(`llm.${i}.tokens`, ...ATTENTION_TAPS.map((point) => `llm.${i}.${point}` as const), `llm.${i}.output`);
  }
  return names;
}

/**
 * Checks that a string names a tap.
 *
 * @throws UsageError with the nearest names when it does not
 */
export function checkTapName(name: string, known: readonly TapName[]): TapName {
  if ((known as readonly string[]).includes(name)) return name as TapName;
  const near = known.filter((candidate) => candidate.startsWith(name.split(".")[0])).slice(0, 6);
  throw new UsageError(
    `tap "${name}" does not exist in this model. There are, for example: ${(near.length ? near : known.slice(0, 6)).join(", ")}.`,
  );
}

/** A tap that keeps what passes. */
export interface Recorder {
  readonly tap: Tap;
  /** What has passed under a name. @throws UsageError when nothing has: that is an error, never an empty result */
  get(name: TapName): tf.Tensor;
  has(name: TapName): boolean;
  dispose(): void;
}

/**
 * Records the named points. Each recorded tensor outlives the pass until `dispose`.
 *
 * @param names checked with {@link checkTapName} by the caller
 */
export function record(names: Iterable<TapName>): Recorder {
  const wanted = new Set(names);
  const recorded = new Map<TapName, tf.Tensor>();
  return {
    tap(name, x) {
      if (wanted.has(name)) {
        recorded.get(name)?.dispose();
        recorded.set(name, tf.keep(x.clone()));
      }
      return x;
    },
    get(name) {
      const found = recorded.get(name);
      if (!found) throw new UsageError(`tap "${name}" was not met in this run: the chosen method does not pass there.`);
      return found;
    },
    has: (name) => recorded.has(name),
    dispose() {
      tf.dispose([...recorded.values()]);
      recorded.clear();
    },
  };
}

/**
 * Replaces what passes under the given names, for interventions such as blocking attention.
 *
 * @throws UsageError when a replacement has another shape, or when the point is a list of integers
 */
export function replace(replacements: { readonly [name in TapName]?: (x: tf.Tensor) => tf.Tensor }): Tap {
  return (name, x) => {
    const replacement = replacements[name];
    if (!replacement) return x;
    if ((LIST_TAPS as readonly string[]).includes(name))
      throw new UsageError(`tap "${name}" can be recorded, not replaced. Write a method to change a selection.`);
    const y = replacement(x);
    if (y.shape.join() !== x.shape.join())
      throw new UsageError(`tap "${name}": the replacement has shape [${y.shape}], not [${x.shape}].`);
    return y as typeof x;
  };
}

/** Several taps one after the other. */
export function chain(...taps: readonly Tap[]): Tap {
  return (name, x) => taps.reduce((current, tap) => tap(name, current), x);
}
