import { enteringPerLayer, type SampleLedger } from "../../methods/ledger.ts";
import type { TextConfig } from "../../model/transformer/config.ts";

/** What the visual tokens of one prompt cost in the decoder. */
export interface VisualCost {
  /** Floating-point operations of the prefill, by the paper's formula. */
  readonly flops: number;
  /** Bytes that keys and values of the visual tokens take in the caches, as float32. */
  readonly cacheBytes: number;
}

/**
 * The paper's cost of visual tokens (Appendix C): Σ over layers of 8SH² + 4S²H + 4SHI, where S visual
 * tokens enter a layer of hidden size H and intermediate size I. It counts the visual tokens alone and
 * an MLP of two matrices, although Llama's gated MLP has three; see meter.ts for what is really computed.
 *
 * @param perLayer visual tokens entering each decoder layer
 */
export function paperFlops(perLayer: readonly number[], hiddenSize: number, intermediateSize: number): number {
  const layer = (tokens: number) =>
    8 * tokens * hiddenSize ** 2 + 4 * tokens ** 2 * hiddenSize + 4 * tokens * hiddenSize * intermediateSize;
  return perLayer.reduce((sum, tokens) => sum + layer(tokens), 0);
}

/** Cost of what a run kept. */
export function costOf(ledger: SampleLedger, config: TextConfig): VisualCost {
  return visualCost(enteringPerLayer(ledger), config);
}

/** Cost of the same prompt with every visual token in every layer. */
export function unprunedCost(ledger: SampleLedger, config: TextConfig): VisualCost {
  return visualCost(new Array<number>(ledger.layers).fill(ledger.total), config);
}

function visualCost(perLayer: readonly number[], config: TextConfig): VisualCost {
  const bytesPerToken = cacheBytesPerToken(config);
  return {
    flops: paperFlops(perLayer, config.hiddenSize, config.intermediateSize),
    cacheBytes: perLayer.reduce((sum, tokens) => sum + tokens * bytesPerToken, 0),
  };
}

/** Bytes of one token's key and value in the cache of one layer, as float32. */
function cacheBytesPerToken({ numKeyValueHeads, headDim }: TextConfig): number {
  return 2 * numKeyValueHeads * headDim * 4;
}
