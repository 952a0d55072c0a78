/**
 * The canonical name of a tensor: `visual.*`, `model.*` and `lm_head.*`, as the hub and transformers 5 write them.
 * In memory, transformers puts `visual` and the language model below `model`.
 */
export function canonicalName(name: string): string | undefined {
  return name.replace(/^model\.visual\./, "visual.").replace(/^model\.language_model\./, "model.");
}

/** Who writes tensors under such names, for people. */
export function layoutOf(names: readonly string[]): string {
  return names.some((name) => /^model\.(visual|language_model)\./.test(name))
    ? "in memory (model.visual.*, model.language_model.*)"
    : "hub (visual.*, model.*)";
}
