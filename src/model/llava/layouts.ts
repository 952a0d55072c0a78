/**
 * The tensor names of one LLaVA checkpoint, in all the ways they are written to disk, as one canonical
 * set: `vision_tower.vision_model.*`, `multi_modal_projector.*`, `language_model.model.*` and
 * `language_model.lm_head.*`. Nothing after this file knows that there are others.
 *
 * Sources: transformers' LlavaForConditionalGeneration before and after 4.52 (canonical and in-memory
 * names), haotian-liu/LLaVA's LlavaLlamaForCausalLM and openai's CLIP tower (original names).
 */
const REWRITES: readonly (readonly [RegExp, string])[] = [
  // In-memory names of transformers ≥ 4.52.
  [/^model\.language_model\./, "language_model.model."],
  [/^lm_head\./, "language_model.lm_head."],
  [/^model\.multi_modal_projector\./, "multi_modal_projector."],
  // Original LLaVA keeps the tower inside two modules of the same name.
  [/^model\.vision_tower\.vision_tower\./, "vision_tower."],
  [/^model\.vision_tower\./, "vision_tower."],
  [/^model\.mm_projector\.0\./, "multi_modal_projector.linear_1."],
  [/^model\.mm_projector\.2\./, "multi_modal_projector.linear_2."],
  [/^model\.(embed_tokens|layers|norm)\./, "language_model.model.$1."],
  // A CLIP checkpoint of its own, before and from transformers 5.
  [/^vision_model\./, "vision_tower.vision_model."],
  [/^(embeddings|pre_layrnorm|encoder|post_layernorm)\./, "vision_tower.vision_model.$1."],
  // transformers 5 drops the `vision_model` segment.
  [/^vision_tower\.(?!vision_model\.)/, "vision_tower.vision_model."],
];

/** Buffers that some versions save although they follow from the configuration. */
const BUFFERS = /(^|\.)(position_ids|inv_freq)$/;

/**
 * The canonical name of a tensor, or undefined for buffers that carry no weights.
 *
 * @param name as it stands in the file
 */
export function canonicalName(name: string): string | undefined {
  if (BUFFERS.test(name)) return undefined;
  return REWRITES.reduce((current, [pattern, replacement]) => current.replace(pattern, replacement), name);
}

/** Who writes tensors under such names, for people. */
export function layoutOf(names: readonly string[]): string {
  const some = (pattern: RegExp) => names.some((name) => pattern.test(name));
  if (some(/^model\.mm_projector\./)) return "original LLaVA (model.mm_projector.*)";
  const tower = some(/(^|\.)vision_model\./) ? "vision_tower.vision_model.*" : "vision_tower.*, as transformers 5";
  return some(/^model\.language_model\./)
    ? `in memory (model.language_model.*, model.${tower})`
    : `hub (language_model.model.*, ${tower})`;
}
