import { computed, signal } from "@preact/signals";
import { indexOfLargest } from "../../../../src/core/ranking.ts";
import { COLOURS, SHAPES, SIZE_EXTENTS } from "../../../../src/world/attributes.ts";
import { ASPECT, apart } from "../../../../src/world/geometry.ts";
import { isHeldOut } from "../../../../src/world/pairs.ts";
import { GAP, type SceneShape, SHAPE_COUNTS } from "../../../../src/world/scene.ts";
import { changedShapes, scene } from "../state/state.ts";
import { hiddenBy } from "./hidden.ts";
import { commit } from "./history.ts";
import { shapeAt } from "./shapes-text.ts";

/* What a reader does to the shapes of a scene. */

/** The shape that is edited, by its place in the list. */
const chosenPlace = signal<number | undefined>(undefined);
/** The same; undefined where another scene has no such shape. */
export const edited = computed(() => {
  const at = chosenPlace.value;
  return at !== undefined && at < scene.value.shapes.length ? at : undefined;
});

/** Begins or ends to edit a shape. */
export function edit(at: number | undefined): void {
  if (at !== chosenPlace.peek()) refused.value = undefined;
  chosenPlace.value = at;
}

/** Why the last change was not made, in a line. */
export const refused = signal<string | undefined>(undefined);

/** Widths that a reader can give, as shares of the picture's side. */
export const WIDTHS = { least: 0.1, most: 0.4 } as const;
/** Fewest and most shapes that a scene can be changed to have. */
export const COUNTS = { least: 1, most: SHAPE_COUNTS.most } as const;

/** What of a shape can be changed; x and y are its upper left corner. */
export interface Change {
  readonly shape?: SceneShape["shape"];
  readonly colour?: SceneShape["colour"];
  readonly width?: number;
  readonly x?: number;
  readonly y?: number;
}

/** Changes a shape; what would lie outside of the picture is moved to its edge. Around its middle it grows. */
export function change(at: number, { x, y, ...to }: Change): void {
  const old = scene.peek().shapes[at];
  if (!old) return;
  const { shape = old.shape, colour = old.colour, width = old.box[2] - old.box[0] } = to;
  const [x0, y0, x1, y1] = old.box;
  const place = [x ?? (x0 + x1 - width) / 2, y ?? (y0 + y1 - width * ASPECT[shape]) / 2];
  const made = inside(shape, colour, place[0], place[1], width);
  put(
    plain(scene.peek().shapes).map((other, i) => (i === at ? made : other)),
    // A slider and the arrow keys change it in many small moves.
    [at, to.shape, to.colour, to.width === undefined ? "" : "width"].join(" "),
  );
}

/**
 * Puts a shape where a pointer drags it. Over a shape that lies above it, it comes to the front.
 *
 * @param drag a name of this drag
 * @returns the shape's place in the list, which changes where it comes to the front
 */
export function dragTo(at: number, x: number, y: number, drag: string): number {
  const shapes = plain(scene.peek().shapes);
  const old = shapes[at];
  if (!old) return at;
  const made = inside(old.shape, old.colour, x, y, old.box[2] - old.box[0]);
  const isBelow = shapes.some(({ box }, i) => i > at && !apart(made.box, box, 0));
  if (!isBelow) {
    put(
      shapes.map((other, i) => (i === at ? made : other)),
      drag,
    );
    return at;
  }
  if (!put([...shapes.filter((_, i) => i !== at), made], drag)) return at;
  edit(shapes.length - 1);
  return shapes.length - 1;
}

/** Moves a shape by shares of the picture's side. */
export function move(at: number, right: number, down: number): void {
  const shape = scene.peek().shapes[at];
  if (shape) change(at, { x: shape.box[0] + right, y: shape.box[1] + down });
}

/** Takes a shape away; the last one stays. */
export function remove(at: number): void {
  const { shapes } = scene.peek();
  if (shapes.length <= COUNTS.least) return;
  commit(plain(shapes.filter((_, i) => i !== at)), `remove ${shapes.length}`);
  edit(undefined);
}

/** Adds a shape where there is most space, of a pair that the scene lacks and the model knows, and edits it. */
export function add(): void {
  const { shapes } = scene.peek();
  if (shapes.length >= COUNTS.most) return;
  const pairs = COLOURS.flatMap((colour) => SHAPES.map((shape) => ({ colour, shape })));
  const lacks = (one: (typeof pairs)[number]) =>
    !isHeldOut(one) && !shapes.some(({ colour, shape }) => colour === one.colour && shape === one.shape);
  const { colour, shape } = pairs.filter(lacks)[0] ?? pairs[0];
  const width = SIZE_EXTENTS.medium[0];
  const free = (x: number, y: number) => {
    const made = inside(shape, colour, x, y, width);
    return Math.min(...shapes.map(({ box }) => distance(made, box)));
  };
  const places = Array.from({ length: 121 }, (_, i) => [(i % 11) / 12.5, Math.floor(i / 11) / 12.5] as const);
  const [x, y] = places[indexOfLargest(places.map((place) => free(...place)))];
  commit([...plain(shapes), inside(shape, colour, x, y, width)], `add ${shapes.length}`);
  edit(shapes.length);
}

/** The scene as its seed has it. */
export function undoAll(): void {
  commit(undefined, "undo all");
  refused.value = undefined;
}

/** In what the scene is unlike those that the model was trained on, in sentences. */
export const unlikeTraining = computed<string[]>(() => {
  const shapes = changedShapes.value;
  if (!shapes) return [];
  const lines: string[] = [];
  const pairs = shapes.flatMap((one, i) => shapes.slice(i + 1).map((other) => [one, other] as const));
  if (pairs.some(([one, other]) => !apart(one.box, other.box, 0))) lines.push("Shapes overlap");
  else if (pairs.some(([one, other]) => !apart(one.box, other.box, GAP / 2))) lines.push("Shapes touch");
  if (shapes.length < SHAPE_COUNTS.least) lines.push("There is one shape alone");
  const hidden = hiddenBy(shapes).findIndex((by) => by !== undefined);
  if (hidden >= 0) lines.push(`The ${shapes[hidden].colour} ${shapes[hidden].shape} is hidden behind another`);
  const between = shapes.find(({ size, box }) => {
    const [least, most] = SIZE_EXTENTS[size];
    const width = box[2] - box[0];
    return width < least - 0.005 || width > most + 0.005;
  });
  if (between) lines.push(`The ${between.colour} ${between.shape} is of a size between or beyond the three it knows`);
  const heldOut = shapes.find(isHeldOut);
  if (heldOut) lines.push(`A ${heldOut.colour} ${heldOut.shape} was kept out of its training`);
  return lines;
});

/**
 * Takes other shapes, unless one of them would be hidden that can be seen now.
 *
 * @returns whether it took them
 */
function put(shapes: readonly SceneShape[], action: string): boolean {
  const [before, after] = [hiddenBy(scene.peek().shapes), hiddenBy(shapes)];
  const count = (hidden: typeof after) => hidden.filter((by) => by !== undefined).length;
  const lost = after.findIndex((by) => by !== undefined);
  if (count(after) > count(before)) {
    const name = ({ colour, shape }: SceneShape) => `${colour} ${shape}`;
    refused.value =
      `The ${name(shapes[lost])} would be hidden behind the ${name(shapes[after[lost] as number])}, and the model ` +
      "could not see it. So the change was not made.";
    return false;
  }
  refused.value = undefined;
  commit(shapes, action);
  return true;
}

/** Shapes in their plain colours, which is all that the address holds of them: a link shows the same picture. */
function plain(shapes: readonly SceneShape[]): SceneShape[] {
  return shapes.map(({ shape, colour, box: [x, y, right] }) => inside(shape, colour, x, y, right - x));
}

/** A shape at the place inside the picture that is nearest to one. */
function inside(
  shape: SceneShape["shape"],
  colour: SceneShape["colour"],
  x: number,
  y: number,
  width: number,
): SceneShape {
  const fitting = Math.min(WIDTHS.most, Math.max(WIDTHS.least, width));
  const within = (at: number, size: number) => Math.min(Math.max(0, at), Math.floor((1 - size) * 10_000) / 10_000);
  const [left, top] = [within(x, fitting), within(y, fitting * ASPECT[shape])];
  // It lies inside by what stands above.
  return shapeAt(shape, colour, left, top, fitting) as SceneShape;
}

/** How far a shape's box is from another along the axis on which they are farther apart; below 0 they overlap. */
function distance({ box }: SceneShape, other: SceneShape["box"]): number {
  return Math.max(other[0] - box[2], box[0] - other[2], other[1] - box[3], box[1] - other[3]);
}
