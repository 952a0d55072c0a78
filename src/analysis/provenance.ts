import { UsageError } from "../core/errors.ts";
import type { SampleLedger } from "../methods/ledger.ts";
import { firstCells } from "../model/image-shape.ts";

/** A patch inside a visual token. */
export interface Source {
  /** Which of the image's grids, from 0, and the raster index there. */
  readonly grid: number;
  readonly cell: number;
  readonly weight: number;
}

/**
 * Which patches, with which weights, a visual token is made of by pruning: by aggregation before the decoder, merging
 * in the tower, or mixing inside the decoder. What attention carries from token to token is not counted. The largest
 * weight comes first.
 *
 * @param ledger of the run
 * @param token its number in the ledger
 * @param layer before which decoder layer it is looked at; 0 unless given
 * @throws UsageError when there is no such token, or not before that layer
 */
export function provenance(ledger: SampleLedger, token: number, layer = 0): Source[] {
  const found = ledger.tokens[token];
  if (!found) throw new UsageError(`token ${token} does not exist; there are 0 to ${ledger.tokens.length - 1}.`);
  const { firstLayer, layers, cell, weights, image } = found;
  if (!Number.isInteger(layer) || layer < firstLayer || layer >= layers)
    throw new UsageError(
      `token ${token} is not there before layer ${layer}: it enters layers ${firstLayer} to ${layers - 1}.`,
    );
  const { grids } = ledger.images[image];
  const starts = firstCells({ grids });
  const placed = (at: number, weight: number): Source => {
    const grid = starts.findLastIndex((start) => start <= at);
    return { grid, cell: at - starts[grid], weight };
  };
  if (!weights) return cell < 0 ? [] : [placed(cell, 1)];
  const sources = [...weights].flatMap((weight, at) => (weight === 0 ? [] : [placed(at, weight)]));
  return sources.sort((a, b) => b.weight - a.weight);
}
