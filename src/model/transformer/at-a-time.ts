/**
 * How many attention weights are computed at a time where nobody looks at all of them, chosen by memory: 2²⁴ float32
 * numbers are 64 MiB, and scores, mask and softmax hold them about three times over. Attention therefore takes no more
 * than some 200 MiB beside its queries, keys and values, however long the sequence is. Blocks of this size are still
 * long enough for matrix multiplication at full speed: of 2,900 tokens and 32 heads 180 queries at a time.
 */
export const WEIGHTS_AT_A_TIME = 2 ** 24;
