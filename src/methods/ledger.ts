import { type Grid, patchCount } from "../core/grid.ts";
import type { Sequence, VisualSlot } from "../core/slots.ts";
import { placesOf } from "../model/transformer/sequence.ts";

/** Where one visual token came from and how far it went. */
export interface VisualToken {
  /** Raster index of the grid cell that it stands for; −1 for a token without one, such as the class token. */
  readonly cell: number;
  /** Its position id in the first decoder layer that it entered. */
  readonly position: number;
  /** Whether it stands for itself only; undefined for methods without pillars. */
  readonly pillar: boolean | undefined;
  /** Weight of every patch merged into it, in raster order; undefined when it is its own cell alone. */
  readonly weights: Float32Array | undefined;
  /** The first decoder layer that it entered: 0, or later for a token made inside the decoder. */
  readonly firstLayer: number;
  /** It was dropped before the layer of this index; the number of layers if it never was. */
  readonly layers: number;
}

/** What became of the visual tokens of one sample. */
export interface SampleLedger {
  readonly grid: Grid;
  /** Visual tokens that the unpruned model would have. */
  readonly total: number;
  readonly textTokens: number;
  /** Decoder layers of the model. */
  readonly layers: number;
  /** The tokens that entered the decoder, in order, and behind them those that were made inside it. */
  readonly tokens: readonly VisualToken[];
}

/** What {@link openLedger} derives a ledger from. */
export interface LedgerSources {
  readonly grid: Grid;
  readonly total: number;
  readonly pillars: readonly boolean[] | undefined;
  /**
   * For each token that stage 1 kept the weights of all patches in it, undefined for a token that is its cell alone.
   */
  readonly weights: readonly (Float32Array | undefined)[];
  /** Tokens made inside the decoder, in the order of their rows. */
  readonly added: readonly AddedToken[];
}

/** Rows of visual tokens and their weights in a token that was made of them. */
export type AddedToken = readonly { readonly row: number; readonly weight: number }[];

/**
 * The ledger of one sample of a finished prefill.
 *
 * @param entered what entered the decoder
 * @param sequences what entered each decoder layer
 */
export function openLedger(
  sources: LedgerSources,
  entered: Sequence,
  sequences: readonly Sequence[],
  sample: number,
): SampleLedger {
  const { grid, total, pillars } = sources;
  const tokens: { slot: VisualSlot; firstLayer: number; layers: number }[] = [];
  const note = (sequence: Sequence, firstLayer: number, layers: number) => {
    for (const slot of sequence[sample]) {
      if (slot?.kind === "visual") tokens[slot.row] = { ...(tokens[slot.row] ?? { slot, firstLayer }), layers };
    }
  };
  note(entered, 0, 0);
  sequences.forEach((sequence, layer) => {
    // Layers between two cuts share one sequence, which is looked at once.
    if (sequence !== sequences[layer - 1]) note(sequence, layer, 1 + sequences.lastIndexOf(sequence));
  });
  const cells = tokens.map(({ slot }) => slot.cell);
  const weights = [...sources.weights];
  for (const parts of sources.added) weights.push(mixedWeights(parts, weights, cells, patchCount(grid)));
  return {
    grid,
    total,
    textTokens: placesOf(entered[sample], "text").length,
    layers: sequences.length,
    tokens: tokens.map(({ slot, firstLayer, layers }, row) => ({
      cell: slot.cell,
      position: slot.position,
      pillar: pillars?.[row],
      weights: weights[row],
      firstLayer,
      layers,
    })),
  };
}

/** A mixture of tokens as weights of patches. */
function mixedWeights(
  parts: AddedToken,
  weights: readonly (Float32Array | undefined)[],
  cells: readonly number[],
  patches: number,
): Float32Array {
  const mixed = new Float32Array(patches);
  for (const { row, weight } of parts) {
    const own = weights[row];
    if (own) for (let patch = 0; patch < mixed.length; patch++) mixed[patch] += weight * own[patch];
    else if (cells[row] >= 0) mixed[cells[row]] += weight;
  }
  return mixed;
}

/** Visual tokens entering each decoder layer. Their mean is what the paper calls the average. */
export function enteringPerLayer(ledger: SampleLedger): number[] {
  return Array.from(
    { length: ledger.layers },
    (_, layer) => ledger.tokens.filter((token) => token.firstLayer <= layer && token.layers > layer).length,
  );
}

/** Visual tokens left after each decoder layer and the cut that follows it; some papers average these. */
export function leavingPerLayer(ledger: SampleLedger): number[] {
  const entering = enteringPerLayer(ledger);
  return entering.map((count, layer) => entering[layer + 1] ?? count);
}

/** Mean over the decoder layers. */
export function averageTokens(perLayer: readonly number[]): number {
  return perLayer.reduce((sum, count) => sum + count, 0) / perLayer.length;
}
