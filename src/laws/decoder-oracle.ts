import type { Sequence, Slot, TextSlot, VisualSlot } from "../core/slots.ts";
import type { Vlm } from "../model/vlm.ts";

/** A token of the oracle: a word or the vector of a visual token, and what it is in each layer. */
export interface OracleToken {
  readonly content: number | ArrayLike<number>;
  /** Position id in each layer, or several, by which parts of a head turn. */
  readonly positions: readonly (number | readonly number[])[];
  /** Nobody sees it from this layer on. */
  readonly hiddenFrom: number;
  /** It was decoded, not prompted. */
  readonly decoded?: boolean;
  /** No decoded token sees it in any layer. */
  readonly unseen?: boolean;
}

/**
 * What entered the decoder in a run, as the oracle sees it: ids in each layer, and where each token is hidden. No
 * token may have been made inside the decoder.
 *
 * @param sequences what entered each layer
 * @param visual the vectors of the sample's visual tokens, by row
 * @param unseen rows of visual tokens that decoded tokens do not see
 */
export function tokensOfRun(
  sequences: readonly Sequence[],
  sample: number,
  visual: readonly (readonly number[])[],
  unseen: readonly number[] = [],
): OracleToken[] {
  const inLayer = sequences.map((sequence) => sequence[sample].filter(isToken));
  const isText = ({ kind }: { kind: string }) => kind === "text";
  return inLayer[0].map((slot, index): OracleToken => {
    if (slot.kind === "text") {
      const nth = inLayer[0].slice(0, index).filter(isText).length;
      const positions = inLayer.map((slots) => slots.filter(isText)[nth].position[0]);
      return { content: slot.id, positions, hiddenFrom: sequences.length };
    }
    const own = inLayer.map((slots) =>
      slots.find((each): each is VisualSlot => each.kind === "visual" && each.row === slot.row),
    );
    const gone = own.indexOf(undefined);
    // Where it is hidden its id does not matter.
    const positions = own.map((each) => each?.parts?.flat() ?? each?.position[0] ?? 0);
    const hiddenFrom = gone < 0 ? sequences.length : gone;
    return { content: visual[slot.row], positions, hiddenFrom, unseen: unseen.includes(slot.row) };
  });
}

/** The oracle knows no separators: the models of the laws have none. */
function isToken(slot: Slot): slot is TextSlot | VisualSlot {
  return slot !== null && slot.kind !== "separator";
}

type Matrix = { readonly values: ArrayLike<number>; readonly columns: number };

/**
 * The Llama decoder once more, in plain loops of float64, without caches: every token goes through every
 * layer, nothing is ever removed, and masks alone hide what was dropped. Slow, and hard to get wrong.
 *
 * @returns logits behind the last token
 */
export function oracleLogits(model: Vlm, tokens: readonly OracleToken[]): number[] {
  const { text } = model.config;
  const matrix = (name: string): Matrix => {
    const tensor = model.weights.at("language_model").tensor(name);
    return { values: tensor.dataSync(), columns: tensor.shape[tensor.shape.length - 1] as number };
  };
  const table = matrix("model.embed_tokens.weight");
  let states = tokens.map(({ content }) =>
    typeof content === "number" ? row(table, content) : Array.from(content as ArrayLike<number>),
  );
  const group = text.numAttentionHeads / text.numKeyValueHeads;
  for (let layer = 0; layer < text.numHiddenLayers; layer++) {
    const w = (name: string) => matrix(`model.layers.${layer}.${name}.weight`);
    const [toQ, toK, toV, toO] = ["q", "k", "v", "o"].map((one) => w(`self_attn.${one}_proj`));
    const [inputNorm, outputNorm] = [w("input_layernorm"), w("post_attention_layernorm")];
    const [gate, up, down] = ["gate", "up", "down"].map((one) => w(`mlp.${one}_proj`));
    const normed = states.map((state) => rmsNorm(state, inputNorm, text.rmsNormEps));
    const rotated = (m: Matrix) =>
      normed.map((state, i) => rotate(times(state, m), tokens[i].positions[layer], text.headDim, text.ropeTheta));
    const [queries, keys, values] = [rotated(toQ), rotated(toK), normed.map((state) => times(state, toV))];
    states = states.map((state, q) => {
      const seen = tokens.flatMap(({ hiddenFrom, unseen }, k) =>
        k <= q && (hiddenFrom > layer || k === q) && !(unseen && tokens[q].decoded) ? [k] : [],
      );
      const attended = Array.from({ length: text.numAttentionHeads }, (_, head) => {
        const part = (vector: number[], at: number) => vector.slice(at * text.headDim, (at + 1) * text.headDim);
        const own = Math.floor(head / group);
        const query = part(queries[q], head);
        const scores = seen.map((k) => dot(query, part(keys[k], own)) / Math.sqrt(text.headDim));
        const highest = Math.max(...scores);
        const weights = scores.map((score) => Math.exp(score - highest));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        return query.map((_, at) =>
          seen.reduce((sum, k, i) => sum + (weights[i] / total) * values[k][own * text.headDim + at], 0),
        );
      }).flat();
      const middle = add(state, times(attended, toO));
      const inner = rmsNorm(middle, outputNorm, text.rmsNormEps);
      const gated = times(inner, gate).map((x) => x / (1 + Math.exp(-x)));
      return add(
        middle,
        times(
          times(inner, up).map((x, i) => x * gated[i]),
          down,
        ),
      );
    });
  }
  const last = rmsNorm(states[states.length - 1], matrix("model.norm.weight"), text.rmsNormEps);
  return times(last, matrix("lm_head.weight"));
}

const row = ({ values, columns }: Matrix, at: number) =>
  Array.from({ length: columns }, (_, i) => values[at * columns + i]);
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i], 0);
const add = (a: readonly number[], b: readonly number[]) => a.map((x, i) => x + b[i]);
/** W·x, W being [out, in]. */
const times = (x: readonly number[], { values, columns }: Matrix) =>
  Array.from({ length: values.length / columns }, (_, j) =>
    x.reduce((sum, value, i) => sum + value * values[j * columns + i], 0),
  );

function rmsNorm(x: readonly number[], { values }: Matrix, epsilon: number): number[] {
  const scale = 1 / Math.sqrt(dot(x, x) / x.length + epsilon);
  return x.map((value, i) => value * scale * values[i]);
}

/** Rotates the halves of each head against one another, as Hugging Face's Llama does. */
function rotate(x: readonly number[], position: number | readonly number[], headDim: number, theta: number): number[] {
  const half = headDim / 2;
  const ids = typeof position === "number" ? [position] : position;
  const idOf = (pair: number) =>
    ids[half % ids.length === 0 ? Math.floor(pair / (half / ids.length)) : pair % ids.length];
  return x.map((value, i) => {
    const at = i % headDim;
    const angle = idOf(at % half) * theta ** ((-2 * (at % half)) / headDim);
    const partner = at < half ? -x[i + half] : x[i - half];
    return value * Math.cos(angle) + partner * Math.sin(angle);
  });
}
