import { UsageError } from "./errors.ts";

/** One point of a forward pass at which values can be seen or changed. */
export interface TapPoint {
  readonly name: TapName;
  /**
   * In letters: I images that are encoded together, N cells of a grid, P rows of the tower, D and Hd widths of tower
   * and decoder, h heads, g of keys and values, d width of a head, k kept tokens, B prompts, S tokens of the sequence,
   * Q new tokens among them, V vocabulary; h and d are those of the tower in `vision.*`. Families add n, patches of a
   * tile, T tiles, w patches of the longest window, s separators, F width of features of several layers.
   */
  readonly shape: string;
  readonly meaning: string;
}

/** Shapes and meanings in the terms of a family of models, for names or patterns; a name goes before its pattern. */
export type TapFacts = Readonly<Partial<Record<TapPattern, Partial<Pick<TapPoint, "shape" | "meaning">>>>>;

type Table = Readonly<Record<string, readonly [shape: string, meaning: string]>>;

/** Points inside a block of the tower, in the order in which a pass meets them. */
const BLOCK_POINTS = {
  queries: ["[I, h, P, d]", "queries"],
  keys: ["[I, h, P, d]", "keys"],
  values: ["[I, h, P, d]", "values"],
  attention_scores: ["[I, h, P, P]", "scaled products of queries and keys"],
  attention: ["[I, h, P, P]", "softmax of the scores"],
  z: ["[I, h, P, d]", "output of each head: values mixed by the attention"],
  attention_output: ["[I, P, D]", "output of the attention, before it is added to the residual stream"],
  residual: ["[I, P, D]", "residual stream after the attention (and after a merge), before the MLP"],
  mlp_output: ["[I, P, D]", "output of the MLP, before it is added to the residual stream"],
} as const;

/** A key of {@link BLOCK_POINTS}. */
export type BlockPoint = keyof typeof BLOCK_POINTS;

/** The same points inside a layer of the decoder. */
const LAYER_POINTS: Readonly<Record<BlockPoint, readonly [string, string]>> = {
  queries: ["[B, h, Q, d]", "queries, after the rotary positions"],
  keys: ["[B, g, Q, d]", "keys, after the rotary positions; a head for each group of queries"],
  values: ["[B, g, Q, d]", "values; a head for each group of queries"],
  attention_scores: ["[B, h, Q, S]", "scaled products of queries and keys, with the mask"],
  attention: ["[B, h, Q, S]", "softmax of the scores"],
  z: ["[B, h, Q, d]", "output of each head: values mixed by the attention"],
  attention_output: ["[B, Q, Hd]", "output of the attention, before it is added to the residual stream"],
  residual: ["[B, Q, Hd]", "residual stream after the attention, before the MLP"],
  mlp_output: ["[B, Q, Hd]", "output of the MLP, before it is added to the residual stream"],
};

/** Points that every pass has once for each shape of images. */
const ENCODER_POINTS = {
  "vision.features": ["[I, N, D]", "what the projector reads, a row for each patch"],
  "vision.cls_attention": ["[I, N]", "score of each patch by attention, summed over heads"],
  "vision.key_norms": ["[I, N]", "L2 norm of each patch's key over all heads"],
} as const;

const NOT_REPLACED = "can be recorded, not replaced";

/** `stage1.*` up to the weights: once for each grid. */
const STAGE1_POINTS = {
  "stage1.salience": ["[I, N]", "score of each cell of a grid in stage 1"],
  "stage1.similarity": ["[I, k, N]", "cosine of kept cells with all, negatives cut off; [I, N, N] where relaxed"],
  "stage1.weights": ["[I, k, N]", "aggregation weights: which cells of its grid each kept token is mixed from"],
  "stage1.indices": [
    "[I, k]",
    `cells of the kept tokens, grids counted through; -1 without a cell, -2 behind shorter rows; ${NOT_REPLACED}`,
  ],
  "stage1.pillars": ["[I, k]", `1 for pillars, else 0; -2 behind shorter rows; ${NOT_REPLACED}`],
  "stage1.tokens": ["[I, k, D]", "tokens after stage 1, before the projector; shorter rows repeat one at the end"],
  "projector.output": ["[I, k, Hd]", "tokens as they enter the decoder; shorter rows repeat one at the end"],
  "llm.embeddings": ["[B, S, Hd]", "text and visual tokens in one sequence"],
  position_ids: ["[B, S]", `position ids of that sequence; ${NOT_REPLACED}`],
} as const;

const FINAL_POINTS = {
  "stage2.scores": [
    "[B, S]",
    "score of every token of the sequence entering the cut, for an image of each prompt; 0 for what is not scored",
  ],
  "stage2.indices": [
    "[B, k]",
    `ranks of the tokens that a cut keeps among the visual ones entering it; -2 behind shorter rows; ${NOT_REPLACED}`,
  ],
  "final.indices": [
    "[B, k]",
    `cells of the visual tokens that reach the end; -1 without a cell, -2 behind shorter rows; ${NOT_REPLACED}`,
  ],
  "final.images": [
    "[B, k]",
    `which image of its prompt each of these is of, from 0; -2 behind shorter rows; ${NOT_REPLACED}`,
  ],
  "llm.norm": ["[B, Q, Hd]", "hidden states after the final norm"],
  logits_last: ["[B, V]", "logits at the last token"],
} as const;

/** Points that only some methods pass. */
export const METHOD_POINTS = [
  "stage1.salience",
  "stage1.similarity",
  "stage1.weights",
  "stage1.pillars",
  "stage2.scores",
  "stage2.indices",
] as const;

/** A member of {@link METHOD_POINTS}. */
export type MethodPoint = (typeof METHOD_POINTS)[number];

/** Lists of integers: a selection is changed by a method, not by a tap. */
const LISTS: readonly string[] = [
  "stage1.indices",
  "stage1.pillars",
  "stage2.indices",
  "final.indices",
  "final.images",
  "position_ids",
];

/** The names of all points, the same for every architecture. */
export type TapName =
  | "vision.pixels"
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

/**
 * All points of a model, in the order in which a pass meets them (`stage2.*` stand behind the layers).
 *
 * @param facts what the family of the model says of them, see `Family.taps`
 */
export function tapPoints({ vision, llm }: TapLayers, facts: TapFacts = {}): readonly TapPoint[] {
  const points: TapPoint[] = [];
  const add = (name: string, [shape, meaning]: readonly [string, string]) => {
    const pattern = name.replace(/\.\d+(?=\.|$)/, ".*");
    points.push({
      name: name as TapName,
      shape,
      meaning,
      ...facts[pattern as TapPattern],
      ...facts[name as TapName],
    });
  };
  const addAll = (table: Table, prefix = "") => {
    for (const [name, words] of Object.entries(table)) add(`${prefix}${name}`, words);
  };
  add("vision.pixels", ["[I, 3, H, W]", "normalised pixels, H by W, as they enter the tower"]);
  add("vision.hidden_states.0", ["[I, P, D]", "embedded patches, as they enter the first block"]);
  for (let i = 0; i < vision; i++) {
    addAll(BLOCK_POINTS, `vision.${i}.`);
    add(`vision.hidden_states.${i + 1}`, ["[I, P, D]", `output of block ${i} of the tower`]);
  }
  addAll(ENCODER_POINTS);
  addAll(STAGE1_POINTS);
  for (let i = 0; i < llm; i++) {
    add(`llm.${i}.tokens`, ["[B, Q, Hd]", `hidden states entering decoder layer ${i}, after a cut before it`]);
    addAll(LAYER_POINTS, `llm.${i}.`);
    add(`llm.${i}.output`, ["[B, Q, Hd]", `hidden states leaving decoder layer ${i}`]);
  }
  addAll(FINAL_POINTS);
  return points;
}

/** The names of all points of a model, see {@link tapPoints}. */
export function tapNames(layers: TapLayers): readonly TapName[] {
  return tapPoints(layers).map(({ name }) => name);
}

/** The block or layer that a name says. */
export function layerOf(name: TapName): number | undefined {
  const found = /^(?:vision|llm)\.(\d+)\./.exec(name);
  return found ? Number(found[1]) : undefined;
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
