import type { Random } from "../core/random-numbers.ts";
import { happens } from "./draws.ts";
import { frequencyOf, isHeldOut, type Pair, TRAINING_FREQUENCIES } from "./pairs.ts";
import type { Scene, SceneShape } from "./scene.ts";

/**
 * The shapes that questions of a scene may be about: in compositional scenes those of held-out pairs.
 *
 * @returns indices into the scene's shapes
 */
export function questionable(scene: Scene): number[] {
  return scene.shapes.flatMap((shape, i) => (scene.split !== "compositional" || isHeldOut(shape) ? [i] : []));
}

const rarest = Math.min(...TRAINING_FREQUENCIES.flat().filter((frequency) => frequency > 0));

/**
 * Lets a question about a pair pass with a probability in inverse proportion to the pair's frequency.
 * What passes is about every pair equally often, so that "What colour is the square?" has no answer that
 * is more likely than others. Held-out pairs always pass: none is more frequent than another.
 */
export function passesThinning(random: Random, pair: Pair): boolean {
  return happens(random, isHeldOut(pair) ? 1 : rarest / frequencyOf(TRAINING_FREQUENCIES, pair));
}

/** Whether some shape of the scene is of this pair. */
export function isPresent({ shapes }: { readonly shapes: readonly SceneShape[] }, { colour, shape }: Pair): boolean {
  return shapes.some((one) => one.colour === colour && one.shape === shape);
}
