import type { Random } from "../../core/random-numbers.ts";
import { COLOUR_RGB, type Rgb } from "../../world/attributes.ts";
import { integerBelow } from "../../world/draws.ts";
import type { Scene } from "../../world/scene.ts";
import { sceneRandom } from "../../world/splits.ts";

/** Least distance in RGB, in levels of 255, of a colour without a name from every colour that has one. */
const FROM_NAMED = 70;
/** Least distance from the middle of the cube, where backgrounds are. */
const FROM_GREY = 75;
const GREY: Rgb = [137, 137, 137];

/** Numbers for repainting, independent of the scene's contents (see `sceneRandom`). */
const PAINT_ASPECT = 2;

/** A picture for pretraining. */
export interface PaintedScene {
  readonly scene: Scene;
  /** False when its shapes are painted in colours that have no name, so that none may be asked about. */
  readonly named: boolean;
}

/**
 * Repaints a share of the scenes in colours without a name, orange or pink, say.
 *
 * A tower that only ever sees some shapes in red learns to read the shape from the colour: about pairs of colour and
 * shape that training never showed, its patches were right in 18 % of the cases, which is chance. Painting the
 * held-out pairs would give the answer away; colours outside the world's eight do not.
 *
 * @param share of the scenes that are repainted, 0..1; which ones follows from their seeds
 */
export function repainted(scenes: readonly Scene[], share: number): PaintedScene[] {
  return scenes.map((scene) => {
    const random = sceneRandom(scene.split, scene.seed, PAINT_ASPECT);
    if (random() >= share) return { scene, named: true };
    const shapes = scene.shapes.map((shape) => ({ ...shape, rgb: unnamedColour(random) }));
    return { scene: { ...scene, shapes }, named: false };
  });
}

/** A colour far from the eight named ones and from backgrounds. */
export function unnamedColour(random: Random): Rgb {
  for (;;) {
    const rgb: Rgb = [integerBelow(random, 256), integerBelow(random, 256), integerBelow(random, 256)];
    const far = (other: Rgb, least: number) => Math.hypot(...rgb.map((level, i) => level - other[i])) >= least;
    if (far(GREY, FROM_GREY) && Object.values(COLOUR_RGB).every((named) => far(named, FROM_NAMED))) return rgb;
  }
}
