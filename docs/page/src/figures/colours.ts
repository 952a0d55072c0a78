import { scaleSequential } from "d3-scale";
import { interpolateCividis } from "d3-scale-chromatic";

/** The colour of a value from 0 to 1: cividis, which looks alike to the colour-blind. */
export const heat = scaleSequential(interpolateCividis).domain([0, 1]).clamp(true);

/** Values scaled to 0..1 between their least and their largest; all 0 where they are equal. */
export function scaled(values: ArrayLike<number>): number[] {
  const list = Array.from(values);
  const [least, most] = [Math.min(...list), Math.max(...list)];
  return list.map((value) => (most > least ? (value - least) / (most - least) : 0));
}
