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

/** What begins at a tap that is met while another part runs. */
const BEGINS: Readonly<Partial<Record<TapName, Part | "done">>> = {
  "vision.features": "selection",
  "stage1.tokens": "projector",
  // Splicing tokens and text has no products, and a method may cut before layer 0.
  "projector.output": "selection",
  "llm.norm": "lmHead",
  logits_last: "done",
};

/**
 * The part that a pass is in behind a tap; the first part is the vision tower.
 *
 * Merging inside the tower and cuts inside the decoder are selection: they stand between a block's attention output
 * and its residual, and between the output of a decoder layer and the tokens that enter the next one.
 *
 * @param current the part before the tap; nothing follows `done`
 */
export function partAfter(name: TapName, current: Part | "done"): Part | "done" {
  if (current === "done") return "done";
  if (/^vision\.\d+\.attention_output$/.test(name)) return "selection";
  if (/^vision\.\d+\.residual$/.test(name)) return "visionTower";
  if (/^llm\.\d+\.output$/.test(name)) return "selection";
  if (/^llm\.\d+\.tokens$/.test(name)) return "decoder";
  return BEGINS[name] ?? current;
}
