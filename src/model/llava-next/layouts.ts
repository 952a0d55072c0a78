import { canonicalName as llavaName } from "../llava/layouts.ts";

export { layoutOf } from "../llava/layouts.ts";

/** The canonical name of a tensor: LLaVA-1.5's names in all their ways, and `image_newline`. */
export function canonicalName(name: string): string | undefined {
  return name === "model.image_newline" ? "image_newline" : llavaName(name);
}
