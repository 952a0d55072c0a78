/** How an image becomes the vision tower's input. */
export interface Preprocessing {
  /** [height, width] of what the tower sees, in pixels. */
  readonly imageSize: readonly [number, number];
  /** Per channel, of values in [0, 1]. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  /** `crop`: cover and cut the centre out (CLIP). `pad`: fill up to the tower's proportions (LLaVA-1.5). */
  readonly aspect: "crop" | "pad";
}

/** Means of CLIP's training pictures per channel, of values in [0, 1]. */
export const CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073] as const;
/** Standard deviations of the same. */
export const CLIP_STD = [0.26862954, 0.26130258, 0.27577711] as const;
