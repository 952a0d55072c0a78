import { apart, covers } from "../../../../src/world/geometry.ts";
import type { SceneShape } from "../../../../src/world/scene.ts";

/** A shape of which less can be seen is hidden: what the model would be asked about is not in the picture. */
const LEAST_SEEN = 0.25;
/** Points along a side of a shape's box at which it is looked at. */
const POINTS = 20;

/** By which shape each is hidden, as its index; undefined where enough of it can be seen. Later ones lie above. */
export function hiddenBy(shapes: readonly SceneShape[]): (number | undefined)[] {
  return shapes.map((shape, at) => {
    const above = shapes.flatMap((other, i) => (i > at && !apart(shape.box, other.box, 0) ? [i] : []));
    if (above.length === 0) return undefined;
    const own = pointsOf(shape);
    const lies = (i: number, [x, y]: readonly [number, number]) => covers(shapes[i].shape, shapes[i].box, x, y);
    const seen = own.filter((point) => !above.some((i) => lies(i, point)));
    if (seen.length >= LEAST_SEEN * own.length) return undefined;
    const hides = above.map((i) => own.filter((point) => lies(i, point)).length);
    return above[hides.indexOf(Math.max(...hides))];
  });
}

/** Points all over the drawn area of a shape. */
function pointsOf({ shape, box }: SceneShape): (readonly [number, number])[] {
  const [x0, y0, x1, y1] = box;
  const along = (from: number, to: number) =>
    Array.from({ length: POINTS }, (_, i) => from + ((i + 0.5) / POINTS) * (to - from));
  return along(y0, y1).flatMap((y) =>
    along(x0, x1).flatMap((x) => (covers(shape, box, x, y) ? [[x, y] as const] : [])),
  );
}
