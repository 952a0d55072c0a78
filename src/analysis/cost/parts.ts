import type { TapName } from "../../core/tap-points.ts";

/** The parts of a prefill whose costs are told apart. */
export type Part =
  /** The vision tower: patch embedding and all of its blocks. */
  | "visionTower"
  /** Choosing, merging and mixing tokens, whatever it takes beyond the unpruned model. */
  | "selection"
  | "projector"
  /** All decoder layers, text tokens included. */
  | "decoder"
  /** The scores of the first answer token. */
  | "lmHead";

/** What begins at which points. The tower sees images of one shape after those of another. */
const BEGINS: Readonly<Partial<Record<TapName, Part | "done">>> = {
  "vision.pixels": "visionTower",
  "vision.features": "selection",
  "stage1.tokens": "projector",
  // Splicing tokens and text has no products, and a method may cut before layer 0.
  "projector.output": "selection",
  "llm.norm": "lmHead",
  logits_last: "done",
};

/**
 * Points inside the tower and the decoder. Merging in the tower and cuts in the decoder are selection: they stand
 * between a block's attention output and its residual, and between the output of a decoder layer and the tokens that
 * enter the next one.
 */
const REPEATED: readonly (readonly [RegExp, Part])[] = [
  [/^vision\.\d+\.attention_output$/, "selection"],
  [/^vision\.\d+\.residual$/, "visionTower"],
  [/^llm\.\d+\.output$/, "selection"],
  [/^llm\.\d+\.tokens$/, "decoder"],
];

/** The part of a prefill that begins at a point; undefined where none does. A pass begins with the vision tower. */
export function partBeginningAt(name: TapName): Part | "done" | undefined {
  return BEGINS[name] ?? REPEATED.find(([pattern]) => pattern.test(name))?.[1];
}
