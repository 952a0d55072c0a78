import { UsageError } from "./errors.ts";

/** One point of a forward pass at which values can be seen or changed. */
export interface TapPoint {
  readonly name: TapName;
  /** In letters: I images, N patches, D and Hd widths of tower and decoder, h heads, d width of a head, k kept
   * tokens, B prompts, S tokens of the sequence, Q new tokens among them, V vocabulary. */
  readonly shape: string;
  readonly meaning: string;
}

/** Points inside a block of the tower or a layer of the decoder, in the order in which a pass meets them. */
const BLOCK_POINTS = {
  queries: ["[B, h, Q, d]", "queries, after the rotary positions in the decoder"],
  keys: ["[B, h, Q, d]", "keys, after the rotary positions in the decoder; a head for each group there"],
  values: ["[B, h, Q, d]", "values; a head for each group in the decoder"],
  attention_scores: ["[B, h, Q, S]", "scaled products of queries and keys, with the mask"],
  attention: ["[B, h, Q, S]", "softmax of the scores"],
  z: ["[B, h, Q, d]", "output of each head: values mixed by the attention"],
  attention_output: ["[B, Q, D]", "output of the attention, before it is added to the residual stream"],
  residual: ["[B, Q, D]", "residual stream after the attention (and after a merge in the tower), before the MLP"],
  mlp_output: ["[B, Q, D]", "output of the MLP, before it is added to the residual stream"],
} as const;

/** A key of {@link BLOCK_POINTS}. */
export type BlockPoint = keyof typeof BLOCK_POINTS;

/** Points that every pass has once. */
const ENCODER_POINTS = {
  "vision.features": ["[I, N, D]", "the hidden state that the projector reads, patches only"],
  "vision.cls_attention": ["[I, N]", "attention from the class token to each patch, summed over heads"],
  "vision.key_norms": ["[I, N]", "L2 norm of each patch's key over all heads"],
} as const;

const STAGE1_POINTS = {
  "stage1.salience": ["[I, N]", "score of each patch in stage 1"],
  "stage1.similarity": ["[I, k, N]", "cosine of kept patches with all, negatives cut off; [I, N, N] where relaxed"],
  "stage1.weights": ["[I, k, N]", "aggregation weights: what each kept token is mixed from"],
  "stage1.indices": ["[I, k]", "cells of the kept tokens, -1 without a cell; can be recorded, not replaced"],
  "stage1.pillars": ["[I, k]", "1 for pillars; can be recorded, not replaced"],
  "stage1.tokens": ["[I, k, D]", "tokens after stage 1, before the projector"],
  "projector.output": ["[I, k, Hd]", "tokens as they enter the decoder"],
  "llm.embeddings": ["[B, S, Hd]", "text and visual tokens in one sequence"],
  position_ids: ["[B, S]", "position ids of that sequence; can be recorded, not replaced"],
} as const;

const FINAL_POINTS = {
  "stage2.scores": ["[B, S]", "score of every token of the sequence entering the cut"],
  "stage2.indices": ["[B, k]", "ranks of the visual tokens that the last cut keeps; can be recorded, not replaced"],
  "final.indices": ["[B, k]", "cells of the visual tokens that reach the end; can be recorded, not replaced"],
  "llm.norm": ["[B, S, Hd]", "hidden states after the final norm"],
  logits_last: ["[B, V]", "logits at the last token"],
} as const;

/** Lists of integers: recorded with -2 behind shorter rows; a selection is changed by a method, not by a tap. */
const LISTS: readonly string[] = [
  "stage1.indices",
  "stage1.pillars",
  "stage2.indices",
  "final.indices",
  "position_ids",
];

/** The names of all points, the same for every architecture. */
export type TapName =
  | keyof typeof ENCODER_POINTS
  | keyof typeof STAGE1_POINTS
  | keyof typeof FINAL_POINTS
  | `vision.hidden_states.${number}`
  | `vision.${number}.${BlockPoint}`
  | `llm.${number}.tokens`
  | `llm.${number}.${BlockPoint}`
  | `llm.${number}.output`;

/** Names with `*` for every block, layer or hidden state: `llm.*.attention`. */
export type TapPattern =
  | TapName
  | `vision.hidden_states.*`
  | `vision.*.${BlockPoint}`
  | `llm.*.${BlockPoint | "tokens" | "output"}`;

/** How many blocks and layers a model has. */
export interface TapLayers {
  readonly vision: number;
  readonly llm: number;
}

/** All points of a model, in the order in which a pass meets them (`stage2.*` stand behind the layers). */
export function tapPoints({ vision, llm }: TapLayers): readonly TapPoint[] {
  const points: TapPoint[] = [];
  const add = (name: string, [shape, meaning]: readonly [string, string]) =>
    points.push({ name: name as TapName, shape, meaning });
  const addAll = (table: Readonly<Record<string, readonly [string, string]>>, prefix = "") => {
    for (const [name, facts] of Object.entries(table)) add(`${prefix}${name}`, facts);
  };
  add("vision.hidden_states.0", ["[I, N+1, D]", "embedded patches, as they enter the first block"]);
  for (let i = 0; i < vision; i++) {
    addAll(BLOCK_POINTS, `vision.${i}.`);
    add(`vision.hidden_states.${i + 1}`, ["[I, N+1, D]", `output of block ${i} of the tower`]);
  }
  addAll(ENCODER_POINTS);
  addAll(STAGE1_POINTS);
  for (let i = 0; i < llm; i++) {
    add(`llm.${i}.tokens`, ["[B, Q, Hd]", `hidden states entering decoder layer ${i}, after a cut before it`]);
    addAll(BLOCK_POINTS, `llm.${i}.`);
    add(`llm.${i}.output`, ["[B, Q, Hd]", `hidden states leaving decoder layer ${i}`]);
  }
  addAll(FINAL_POINTS);
  return points;
}

/** The names of all points of a model, see {@link tapPoints}. */
export function tapNames(layers: TapLayers): readonly TapName[] {
  return tapPoints(layers).map(({ name }) => name);
}

/** Whether what passes under a name is a list of integers. */
export function isList(name: TapName): boolean {
  return LISTS.includes(name);
}

/**
 * The names that a pattern stands for: itself, or with `*` for one or more characters between dots.
 *
 * @param known the names of the model
 * @throws UsageError listing near names when nothing matches: that is an error, never an empty result
 */
export function matchTaps(pattern: TapPattern, known: readonly TapName[]): readonly TapName[] {
  const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", "[^.]+");
  const matching = known.filter((name) => new RegExp(`^${escaped}$`).test(name));
  if (matching.length > 0) return matching;
  const near = [...known].sort((a, b) => distance(pattern, a) - distance(pattern, b)).slice(0, 6);
  throw new UsageError(`tap "${pattern}" does not exist in this model. Near to it are: ${near.join(", ")}.`);
}

/** How many characters must be put in, taken out or exchanged (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + Number(a[i - 1] !== b[j - 1])));
    row = next;
  }
  return row[b.length];
}
