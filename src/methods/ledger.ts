import { type Grid, patchCount } from "../core/grid.ts";
import type { Position, Sequence, VisualSlot } from "../core/slots.ts";
import { cellCount, firstCells, type ImageShape, unprunedTokens } from "../model/image-shape.ts";
import { indicesOf } from "../model/transformer/sequence.ts";

/** Where one visual token came from and how far it went. */
export interface VisualToken {
  /** Which image of the sample it belongs to, from 0. */
  readonly image: number;
  /**
   * Which cell of the image it stands for, the cells of all its grids counted one grid after the other; −1 for a token
   * without one, such as the class token.
   */
  readonly cell: number;
  /** Its position ids in the first decoder layer that it entered, one for each axis. */
  readonly position: Position;
  /** Whether it stands for itself only; undefined for methods without pillars. */
  readonly pillar: boolean | undefined;
  /** Weight of every cell of its image in it; undefined when it is its own cell alone. */
  readonly weights: Float32Array | undefined;
  /** The first decoder layer that it entered: 0, or later for a token made inside the decoder. */
  readonly firstLayer: number;
  /** It was dropped before the layer of this index; the number of layers if it never was. */
  readonly layers: number;
}

/** What became of the visual tokens of one sample. */
export interface SampleLedger {
  /** The images of the prompt, in order. */
  readonly images: readonly Pick<ImageShape, "grids" | "extraTokens">[];
  /** Visual tokens that the unpruned model would have, in all images. */
  readonly total: number;
  readonly textTokens: number;
  /** Decoder layers of the model. */
  readonly layers: number;
  /** The tokens that entered the decoder, in order, and behind them those that were made inside it. */
  readonly tokens: readonly VisualToken[];
}

/** What {@link openLedger} derives a ledger from. */
export interface LedgerSources {
  readonly images: readonly ImageShape[];
  /** For each token that stage 1 kept whether it is a pillar; undefined for methods without pillars. */
  readonly pillars: readonly (boolean | undefined)[];
  /**
   * For each token that stage 1 kept the weights of all cells of its image in it, undefined for a token that is its
   * cell alone.
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
  const { images, pillars } = sources;
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
  const slots = tokens.map(({ slot }) => slot);
  const weights = [...sources.weights];
  for (const parts of sources.added) weights.push(mixedWeights(parts, weights, slots, images));
  return {
    images,
    total: images.reduce((sum, image) => sum + unprunedTokens(image), 0),
    textTokens: indicesOf(entered[sample], "text").length,
    layers: sequences.length,
    tokens: tokens.map(({ slot: { image, cell, position }, firstLayer, layers }, row) => ({
      image,
      cell,
      position,
      pillar: pillars[row],
      weights: weights[row],
      firstLayer,
      layers,
    })),
  };
}

/** A mixture of tokens of one image as weights of its cells. */
function mixedWeights(
  parts: AddedToken,
  weights: readonly (Float32Array | undefined)[],
  slots: readonly VisualSlot[],
  images: readonly ImageShape[],
): Float32Array {
  const mixed = new Float32Array(cellCount(images[slots[parts[0].row].image]));
  for (const { row, weight } of parts) {
    const [own, { cell }] = [weights[row], slots[row]];
    if (own) for (let i = 0; i < mixed.length; i++) mixed[i] += weight * own[i];
    else if (cell >= 0) mixed[cell] += weight;
  }
  return mixed;
}

/** One grid of an image, and the tokens that stand for its cells, by raster index of that grid. */
export interface GridLedger {
  readonly grid: Grid;
  /** Raster index of the grid → the token. */
  readonly tokens: ReadonlyMap<number, VisualToken>;
}

/**
 * What became of each grid of an image.
 *
 * @param image which of the prompt's images, from 0
 */
export function gridLedgers({ images, tokens }: SampleLedger, image = 0): GridLedger[] {
  const { grids } = images[image];
  const starts = firstCells({ grids });
  return grids.map((grid, i) => {
    const [from, to] = [starts[i], starts[i] + patchCount(grid)];
    const own = tokens.filter((token) => token.image === image && token.cell >= from && token.cell < to);
    return { grid, tokens: new Map(own.map((token) => [token.cell - from, token])) };
  });
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
