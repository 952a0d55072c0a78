import * as tf from "@tensorflow/tfjs";
import type { Sequence } from "../../core/slots.ts";
import type { Tap } from "../../core/taps.ts";
import type { Vlm } from "../vlm.ts";
import type { Weights } from "../weights.ts";
import { type Attending, attendInParts, type ByRows } from "./attention.ts";
import type { TextConfig } from "./config.ts";
import { gatedMlp, linear, mergeHeads, rmsNorm, splitHeads, tapRows, tokenRows } from "./layers.ts";
import { type Rotation, rotate } from "./rope.ts";

/** Keys (after RoPE) and values of the tokens that one decoder layer has seen, each [B, hkv, S, d]. */
export type LayerCache = {
  readonly keys: tf.Tensor4D;
  readonly values: tf.Tensor4D;
};

/** What {@link decoderLayer} returns. */
export type LayerOutput = {
  /** [B, Q, Hd] */
  readonly x: tf.Tensor;
  /** Everything seen so far, the new tokens last. */
  readonly cache: LayerCache;
  /** Where the layer is watched, what its attention is computed from; else undefined. */
  readonly attending: Attending | undefined;
};

/** Where the new tokens stand, shared by the layers that see the same sequence. */
export interface Placement {
  readonly rotation: Rotation;
  /** [B, 1, Q, S] by rows, or undefined, see {@link causalMask} */
  readonly mask: ByRows | undefined;
}

/**
 * One Llama decoder layer (Touvron et al., arXiv 2302.13971): RMSNorm, rotary grouped-query attention,
 * RMSNorm, a gated MLP, each around a residual.
 *
 * @param x [B, Q, Hd], the new tokens
 * @param past what the layer has seen before; undefined at prefill
 * @param watched whether its attention is wanted
 * @see https://github.com/huggingface/transformers/blob/main/src/transformers/models/llama/modeling_llama.py
 */
export function decoderLayer(
  model: Vlm,
  i: number,
  x: tf.Tensor,
  { rotation, mask }: Placement,
  tap: Tap,
  past?: LayerCache,
  watched = false,
): LayerOutput {
  const config = model.config.text;
  const w = model.decoder.layer(i);
  const rows = tokenRows(x); // [B·Q, Hd]
  const normed = rmsNorm(w.at("input_layernorm"), rows, config.rmsNormEps);
  const { q, k } = queriesAndKeys(w.at("self_attn"), normed, x.shape[0], config, rotation);
  const v = splitHeads(linear(w.at("self_attn.v_proj"), normed), x.shape[0], config.numKeyValueHeads);
  const queries = tap(`llm.${i}.queries`, q); // [B, h, Q, d]
  const newKeys = tap(`llm.${i}.keys`, k); // [B, hkv, Q, d]
  const newValues = tap(`llm.${i}.values`, v);
  const keys = past ? tf.concat([past.keys, newKeys], 2) : newKeys; // [B, hkv, S, d]
  const values = past ? tf.concat([past.values, newValues], 2) : newValues;
  const wanted = { attention: watched };
  const { output, attention } = attendInParts(queries, keys, values, mask, tap, `llm.${i}`, wanted);
  const attended = linear(w.at("self_attn.o_proj"), mergeHeads(output)); // [B·Q, Hd]
  const y = rows.add<tf.Tensor2D>(tapRows(tap, `llm.${i}.attention_output`, attended, x.shape));
  const residual = tapRows(tap, `llm.${i}.residual`, y, x.shape);
  const normedAgain = rmsNorm(w.at("post_attention_layernorm"), residual, config.rmsNormEps);
  const mlp = gatedMlp(w.at("mlp"), normedAgain, config.hiddenAct);
  return {
    x: tap(`llm.${i}.output`, residual.add(tapRows(tap, `llm.${i}.mlp_output`, mlp, x.shape)).reshape(x.shape)),
    cache: { keys, values },
    attending: watched ? { queries, keys, attention } : undefined,
  };
}

/**
 * What the attention is computed from that a layer would pay to the tokens before it, as
 * {@link decoderLayer} computes on its way, for methods that look one layer ahead. No tap sees it.
 *
 * @param x [B, S, Hd], entering layer i
 */
export function attendingAhead(model: Vlm, i: number, x: tf.Tensor, { rotation }: Placement): Attending {
  const config = model.config.text;
  const w = model.decoder.layer(i);
  const { q, k } = tf.tidy(() => {
    const normed = rmsNorm(w.at("input_layernorm"), tokenRows(x), config.rmsNormEps);
    return queriesAndKeys(w.at("self_attn"), normed, x.shape[0], config, rotation);
  });
  return { queries: q, keys: k, attention: undefined };
}

function queriesAndKeys(w: Weights, x: tf.Tensor2D, batch: number, config: TextConfig, rotation: Rotation) {
  return tf.tidy(() => ({
    q: rotate(splitHeads(linear(w.at("q_proj"), x), batch, config.numAttentionHeads), rotation),
    k: rotate(splitHeads(linear(w.at("k_proj"), x), batch, config.numKeyValueHeads), rotation),
  }));
}

/**
 * Token embeddings of a sequence with the visual tokens spliced in: every slot picks its row from the
 * table of all text embeddings and all visual tokens, which makes one differentiable gather of it.
 *
 * @param visual [I, k, Hd] what stands where images are; undefined for text-only batches
 * @param rowsOf for each sample, for each of its visual tokens and separators in order, the row of `visual`, images
 *   counted through
 * @returns [B, S, Hd]; padding gets an arbitrary row, which masks hide
 */
export function embed(
  model: Vlm,
  sequence: Sequence,
  visual: tf.Tensor3D | undefined,
  rowsOf: readonly (readonly number[])[],
): tf.Tensor3D {
  const ids = sequence.flatMap((slots) => slots.flatMap((slot) => (slot?.kind === "text" ? [slot.id] : [])));
  const text = model.decoder.embedTokens.rows("weight", ids); // [T, Hd]
  const width = model.config.text.hiddenSize;
  let nextText = 0;
  const rows = sequence.flatMap((slots, sample) => {
    let nextVisual = 0;
    return slots.map((slot) => {
      if (slot === null) return 0;
      if (slot.kind === "text") return nextText++;
      return ids.length + rowsOf[sample][nextVisual++];
    });
  });
  const table = visual ? tf.concat([text, visual.reshape([-1, width])], 0) : text;
  return tf.gather(table, tf.tensor1d(rows, "int32")).reshape([sequence.length, -1, width]);
}

/** The final norm: [B, S, Hd] → [B, S, Hd]. */
export function finalNorm(model: Vlm, x: tf.Tensor): tf.Tensor {
  return rmsNorm(model.decoder.norm, x, model.config.text.rmsNormEps);
}

/** Scores of the next token: [..., Hd] → [..., V]. */
export function lmHead(model: Vlm, x: tf.Tensor): tf.Tensor {
  const { lmHead: head, embedTokens } = model.decoder;
  if (head) return linear(head, x);
  const embeddings = embedTokens.tensor("weight") as tf.Tensor2D; // [V, Hd]
  const flat = tf.matMul(tokenRows(x), embeddings, false, true);
  return flat.reshape([...x.shape.slice(0, -1), embeddings.shape[0]]);
}
