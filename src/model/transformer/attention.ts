import * as tf from "@tensorflow/tfjs";
import { fusedAttention, groupedShape } from "../../backend/fused-attention.ts";
import { noTap, type Tap, wants } from "../../core/taps.ts";
import { WEIGHTS_AT_A_TIME } from "./at-a-time.ts";

/*
 * Scaled dot-product attention: all of it, in blocks of queries, or some rows of it. All of it grows with the square of
 * the sequence; it is computed where somebody asks for it, and where it is small.
 * Shapes: B batch; h heads and hkv heads of keys, of width d; Q queries, S keys; R rows, which are some of the queries.
 */

/** Some queries: for each sample their places among the Q. */
export type QueryRows = readonly (readonly number[])[];

/**
 * Something of shape [B, h, Q, S] or [B, 1, Q, S] of which only the rows are made that are asked for, [B, h, R, S], R
 * being the longest list (at least 1); behind shorter lists row 0 is repeated. Without `rows`: all of it.
 */
export type ByRows = (rows?: QueryRows) => tf.Tensor4D;

/** Lists of one length, see {@link ByRows}. */
export function filledUp(rows: QueryRows): QueryRows {
  const longest = Math.max(1, ...rows.map((list) => list.length));
  return rows.map((list) => [...list, ...new Array<number>(longest - list.length).fill(0)]);
}

/** Rows of a tensor that is there: [B, c, Q, n] → [B, c, R, n], a differentiable gather. */
export function rowsOf(x: tf.Tensor4D, rows: QueryRows): tf.Tensor4D {
  const [batch, heads, queries, width] = x.shape;
  const flat = filledUp(rows).flatMap((list, sample) =>
    Array.from({ length: heads }, (_, head) => list.map((row) => (sample * heads + head) * queries + row)).flat(),
  );
  return tf.tidy(() => {
    const table = x.reshape([batch * heads * queries, width]);
    return tf.gather(table, tf.tensor1d(flat, "int32")).reshape<tf.Tensor4D>([batch, heads, -1, width]);
  });
}

/** A tensor that is there, {@link ByRows}. */
export function byRows(x: tf.Tensor4D): ByRows {
  return (rows) => (rows ? rowsOf(x, rows) : x);
}

/** What {@link attend} returns. */
export interface Attended {
  /** [B, h, Q, d] */
  readonly output: tf.Tensor4D;
  /** Softmax weights [B, h, Q, S]. */
  readonly attention: tf.Tensor4D;
}

/**
 * Scaled dot-product attention with grouped queries (Ainslie et al., arXiv 2305.13245): query head i
 * reads key-value head ⌊i·hkv/h⌋, so that the queries of one group stand together and no key is copied.
 *
 * @param q [B, h, Q, d]
 * @param k [B, hkv, S, d]
 * @param v [B, hkv, S, d]
 * @param mask added to the scores, broadcast to [B, h, Q, S]; 0 where allowed, very negative elsewhere
 * @param prefix of the names that the tap sees, such as `llm.3`
 */
export function attend(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  mask: tf.Tensor | undefined,
  tap: Tap,
  prefix: `vision.${number}` | `llm.${number}`,
): Attended {
  return tf.tidy(() => {
    const scores = tap(`${prefix}.attention_scores`, attentionScores(q, k, mask));
    const attention = tap(`${prefix}.attention`, tf.softmax(scores)); // [B, h, Q, S]
    const mixed = tf.matMul(attention.reshape<tf.Tensor4D>(groupedShape(attention.shape, v.shape[1])), v);
    return { output: tap(`${prefix}.z`, mixed.reshape<tf.Tensor4D>(q.shape)), attention };
  });
}

/** q·k/√d with the mask, [B, h, Q, S]. */
function attentionScores(q: tf.Tensor4D, k: tf.Tensor4D, mask: tf.Tensor | undefined): tf.Tensor4D {
  return tf.tidy(() => {
    const [batch, heads, queries, width] = q.shape;
    const [, keyValueHeads, keys] = k.shape;
    const grouped = q.mul(width ** -0.5).reshape<tf.Tensor4D>(groupedShape(q.shape, keyValueHeads));
    const raw = tf.matMul(grouped, k, false, true).reshape<tf.Tensor4D>([batch, heads, queries, keys]);
    return mask ? raw.add<tf.Tensor4D>(mask) : raw;
  });
}

/** What somebody wants of an attention besides its output. */
export interface WantedOfAttention {
  /** What each key receives. */
  readonly received?: boolean;
  /** The weights, where they are computed all at once anyway; elsewhere {@link attentionByRows} computes rows again. */
  readonly attention?: boolean;
}

/** What {@link attendInParts} returns. */
export interface AttendedInParts {
  /** [B, h, Q, d] */
  readonly output: tf.Tensor4D;
  /** Where it is wanted, the attention that each key receives, mean over heads, summed over the queries: [B, S]. */
  readonly received: tf.Tensor2D | undefined;
  /** Where they are wanted and were computed all at once, the softmax weights [B, h, Q, S]. */
  readonly attention: tf.Tensor4D | undefined;
}

/**
 * {@link attend} for callers that need no [B, h, Q, S]: where that is large and no tap looks at it, some queries at a
 * time attend to all keys, so that memory grows with Q + S. The result is the same, because each query's softmax is its
 * own; a gradient tape keeps all parts.
 */
export function attendInParts(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  mask: ByRows | undefined,
  tap: Tap,
  prefix: `vision.${number}` | `llm.${number}`,
  wanted: WantedOfAttention = {},
): AttendedInParts {
  const { received: receiving = false, attention: keeping = false } = wanted;
  const isTapped = wants(tap, `${prefix}.attention_scores`) || wants(tap, `${prefix}.attention`);
  return tf.tidy(() => {
    const blocks = blocksOf(q, k);
    if (isTapped || (blocks.length === 1 && (receiving || keeping))) {
      const { output, attention } = attend(q, k, v, mask?.(), tap, prefix);
      const received = receiving ? receivedFrom(attention) : undefined;
      return { output, received, attention: keeping ? attention : undefined };
    }
    const parts = blocks.map((block) =>
      tf.tidy(() => {
        const isWhole = blocks.length === 1;
        const queries = isWhole ? q : queriesIn(q, block);
        const hidden = isWhole ? mask?.() : maskIn(mask, block, q.shape[0]);
        return attendUnseen(queries, k, v, hidden, prefix, receiving);
      }),
    );
    const outputs = parts.map(({ output }) => output);
    const received = parts.flatMap((part) => part.received ?? []);
    return {
      output: tap(`${prefix}.z`, outputs.length === 1 ? outputs[0] : tf.concat(outputs, 2)),
      received: receiving ? tf.addN(received) : undefined,
      attention: undefined,
    };
  });
}

/** {@link attend} where nobody looks at the weights, of which what keys receive is kept at most. */
function attendUnseen(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  mask: tf.Tensor | undefined,
  prefix: `vision.${number}` | `llm.${number}`,
  receiving: boolean,
): Pick<AttendedInParts, "output" | "received"> {
  const fused = receiving ? undefined : fusedAttention(q, k, v, mask);
  if (fused) return { output: fused, received: undefined };
  const { output, attention } = attend(q, k, v, mask, noTap, prefix);
  return { output, received: receiving ? receivedFrom(attention) : undefined };
}

/** Queries that stand next to one another and are computed together. */
interface Block {
  readonly start: number;
  readonly count: number;
}

/** All queries in as many at a time as {@link WEIGHTS_AT_A_TIME} allows. */
function blocksOf(q: tf.Tensor4D, k: tf.Tensor4D): Block[] {
  const [batch, heads, queries] = q.shape;
  const atATime = Math.max(1, Math.floor(WEIGHTS_AT_A_TIME / (batch * heads * k.shape[2])));
  return Array.from({ length: Math.ceil(queries / atATime) }, (_, i) => {
    const start = i * atATime;
    return { start, count: Math.min(atATime, queries - start) };
  });
}

function queriesIn(q: tf.Tensor4D, { start, count }: Block): tf.Tensor4D {
  return q.slice([0, 0, start, 0], [-1, -1, count, -1]);
}

function maskIn(mask: ByRows | undefined, { start, count }: Block, batch: number): tf.Tensor4D | undefined {
  const rows = Array.from({ length: count }, (_, i) => start + i);
  return mask?.(new Array<number[]>(batch).fill(rows));
}

/** The attention that each key receives, mean over heads, summed over the queries: [B, h, Q, S] → [B, S]. */
function receivedFrom(attention: tf.Tensor4D): tf.Tensor2D {
  return attention.sum(2).mean<tf.Tensor2D>(1);
}

/**
 * The attention that each key receives from all queries, mean over heads, summed over the queries, [B, S], in blocks as
 * {@link attendInParts}. No tap sees it.
 *
 * @param q [B, h, Q, d]
 * @param k [B, hkv, S, d]
 */
export function attentionReceived(q: tf.Tensor4D, k: tf.Tensor4D): tf.Tensor2D {
  const ofBlock = (block: Block) =>
    tf.tidy(() => receivedFrom(tf.softmax(attentionScores(queriesIn(q, block), k, undefined))));
  return tf.tidy(() => tf.addN(blocksOf(q, k).map(ofBlock)));
}

/** What the attention of a layer is computed from; it grows with the sequence, not with its square. */
export type Attending = {
  /** [B, h, Q, d] */
  readonly queries: tf.Tensor4D;
  /** [B, hkv, S, d] */
  readonly keys: tf.Tensor4D;
  /** [B, h, Q, S] where it was computed all at once, as it was used: a tap may have changed it. */
  readonly attention: tf.Tensor4D | undefined;
};

/**
 * The softmax weights of a layer by rows: a second pass over the queries that somebody asks for. Few of them cost
 * little; keeping all weights of the first pass would take the square of the sequence.
 */
export function attentionByRows({ queries, keys, attention }: Attending, mask: ByRows | undefined): ByRows {
  const computed = (rows?: QueryRows) =>
    tf.tidy(() => {
      const asking = rows ? rowsOf(queries, rows) : queries;
      return tf.softmax(attentionScores(asking, keys, mask?.(rows && filledUp(rows))));
    });
  let all = attention;
  return (rows) => {
    if (rows) return attention ? rowsOf(attention, rows) : computed(rows);
    // Who asked before may have asked in a scope that has ended.
    if (!all || all.isDisposed) all = computed();
    return all;
  };
}
