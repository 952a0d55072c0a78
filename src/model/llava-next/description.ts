import type { Description } from "../family.ts";
import { patchGrid } from "../llava/config.ts";
import { describeParts } from "../llava/description.ts";
import type { LlavaNextConfig } from "./config.ts";

/** A LLaVA-NeXT model in words. */
export function describe(config: LlavaNextConfig): Description {
  const [side] = config.vision.imageSize;
  const { rows: cells } = patchGrid(config.vision);
  const pinpoints = config.pinpoints.map(([height, width]) => `${height}×${width}`).join(", ");
  return {
    ...describeParts({ ...config }),
    images:
      `a base tile of ${cells}×${cells}, and tiles of ${side} pixels at the best of ${pinpoints} ` +
      "(height × width), less their padding; a separator ends each row",
  };
}
