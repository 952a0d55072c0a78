import { placesOf, type Sequence } from "../model/sequence.ts";
import type { Grid } from "./grid.ts";

/** Where one visual token came from and how far it went. */
export interface VisualToken {
  /** Raster index of the grid cell that it stands for; −1 for a token without one, such as the class token. */
  readonly cell: number;
  /** Its position id in the decoder. */
  readonly position: number;
  /** Whether it stands for itself only; undefined for methods without pillars. */
  readonly pillar: boolean | undefined;
  /** Weight of every patch merged into it, in raster order; undefined when it is its own cell alone. */
  readonly weights: Float32Array | undefined;
  /** How many decoder layers it entered: it was dropped before the layer of this index. */
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
  /** The tokens that entered the decoder, in order. */
  readonly tokens: readonly VisualToken[];
}

/** What {@link openLedger} derives a ledger from. */
export interface LedgerSources {
  readonly grid: Grid;
  readonly total: number;
  /** Cells of the tokens that stage 1 kept. */
  readonly cells: readonly number[];
  readonly pillars: readonly boolean[] | undefined;
  /** [k][N], row-major, as read out. */
  readonly weights: Float32Array | undefined;
}

/**
 * The ledger of one sample of a finished prefill.
 *
 * @param sequences what entered each decoder layer
 */
export function openLedger(sources: LedgerSources, sequences: readonly Sequence[], sample: number): SampleLedger {
  const rowsByLayer = sequences.map((sequence) => rowsOf(sequence, sample));
  const positions = new Map(
    sequences[0][sample].flatMap((slot) => (slot?.kind === "visual" ? [[slot.row, slot.position]] : [])),
  );
  const patches = sources.weights ? sources.weights.length / sources.cells.length : 0;
  return {
    grid: sources.grid,
    total: sources.total,
    textTokens: placesOf(sequences[0][sample], "text").length,
    layers: sequences.length,
    tokens: sources.cells.map((cell, row) => ({
      cell,
      position: positions.get(row) as number,
      pillar: sources.pillars?.[row],
      weights: sources.weights?.subarray(row * patches, (row + 1) * patches),
      layers: rowsByLayer.filter((rows) => rows.has(row)).length,
    })),
  };
}

function rowsOf(sequence: Sequence, sample: number): Set<number> {
  return new Set(sequence[sample].flatMap((slot) => (slot?.kind === "visual" ? [slot.row] : [])));
}

/** Visual tokens entering each decoder layer. Their mean is what the paper calls the average. */
export function enteringPerLayer(ledger: SampleLedger): number[] {
  return Array.from(
    { length: ledger.layers },
    (_, layer) => ledger.tokens.filter((token) => token.layers > layer).length,
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
