import type { Sequence } from "../core/slots.ts";
import { rowsOf } from "../model/transformer/attention.ts";
import type { LayerCache } from "../model/transformer/decoder.ts";
import { keepVisual, visualSlots } from "../model/transformer/sequence.ts";
import type { PrunedImage } from "./choosing.ts";

/** What one decoder layer keeps for decoding. After a cut the layers' sequences differ. */
export interface LayerState {
  readonly cache: LayerCache;
  readonly sequence: Sequence;
  /** Position id of the next token, for each sample. */
  readonly nextPosition: readonly number[];
}

/** Everything that decoding needs to go on. */
export interface DecodeState {
  readonly layers: readonly LayerState[];
  /**
   * For each sample rows of visual tokens that are taken out of all caches before the next token is decoded: the caches
   * are those that the prefill made. Undefined: none.
   */
  readonly unseen?: readonly (readonly number[])[];
}

/* What a method takes out of the caches once the prompt has been read, see `cachesBeforeCuts` of a method. */

/**
 * The visual tokens that decoded ones see in no layer, by row.
 *
 * @param imagesIn for each sample its images
 * @param sequences what entered each layer
 * @returns undefined where there are none
 */
export function unseenRows(
  imagesIn: readonly (readonly PrunedImage[])[],
  sequences: readonly Sequence[],
): number[][] | undefined {
  const left = visualSlots(sequences[sequences.length - 1]);
  const all = [...new Set(sequences)].map(visualSlots);
  const unseen = imagesIn.map((images, sample) => {
    const stays = new Set(left[sample].map(({ row }) => row));
    const dropped = all
      .flatMap((slots) => slots[sample])
      .filter(({ row, image }) => images[image].method.cachesBeforeCuts === "pruned" && !stays.has(row));
    return [...new Set(dropped.map(({ row }) => row))];
  });
  return unseen.some((rows) => rows.length > 0) ? unseen : undefined;
}

/** The state with `unseen` taken out of all caches. What nothing is taken out of is shared with the old one. */
export function withoutUnseen({ layers, unseen }: DecodeState): DecodeState {
  if (!unseen) return { layers };
  const hidden = unseen.map((rows) => new Set(rows));
  // Layers between two cuts share one sequence, and go on to share one.
  const kept = new Map<Sequence, ReturnType<typeof keepVisual>>();
  return {
    layers: layers.map((layer): LayerState => {
      const { sequence, cache } = layer;
      const visual = visualSlots(sequence);
      if (visual.every((slots, sample) => slots.every(({ row }) => !hidden[sample].has(row)))) return layer;
      const own =
        kept.get(sequence) ??
        keepVisual(
          sequence,
          visual.map((slots, sample) => slots.flatMap(({ row }, rank) => (hidden[sample].has(row) ? [] : [rank]))),
        );
      kept.set(sequence, own);
      return {
        ...layer,
        sequence: own.sequence,
        cache: { keys: rowsOf(cache.keys, own.rows), values: rowsOf(cache.values, own.rows) },
      };
    }),
  };
}
