import type { Sequence } from "../core/slots.ts";
import { record, type Tap } from "../core/taps.ts";

/** What the cuts before one decoder layer scored. */
export interface CutScores {
  /** The decoder layer before which tokens were cut. */
  readonly layer: number;
  /** Number of a token in the ledger → its score; of the visual tokens that entered the cut. */
  readonly scores: ReadonlyMap<number, number>;
}

/** A tap that keeps the scores of the prefill's cuts, for methods that give them (`stage2.scores`). */
export interface ScoreRecorder {
  readonly tap: Tap;
  /** The scores, layer by layer; nothing where the method gives none. */
  read(): Promise<CutScores[]>;
  dispose(): void;
}

/**
 * Records what stage 2 scored in a run of one prompt, to draw it. Each image of the prompt is scored by itself.
 *
 * @example
 * const recorder = recordScores();
 * const { ledger } = await answer(vlm, image, question, { method: "nuwa", tap: recorder.tap });
 * const scores = await recorder.read();
 * recorder.dispose();
 */
export function recordScores(): ScoreRecorder {
  const recorder = record(["stage2.scores"]);
  return {
    tap: recorder.tap,
    async read() {
      const found = new Map<number, Map<number, number>>();
      if (!recorder.has("stage2.scores")) return [];
      for (const { value, visit } of recorder.all("stage2.scores")) {
        const [slots] = visit.sequence as Sequence;
        const values = await value.data(); // [1, S]
        const layer = visit.layer as number;
        const scores = found.get(layer) ?? new Map<number, number>();
        found.set(layer, scores);
        slots.forEach((slot, i) => {
          if (slot?.kind === "visual" && slot.image === visit.images?.[0]) scores.set(slot.row, values[i]);
        });
      }
      return [...found].map(([layer, scores]) => ({ layer, scores })).sort((a, b) => a.layer - b.layer);
    },
    dispose: () => recorder.dispose(),
  };
}
