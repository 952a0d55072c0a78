import { computed, signal } from "@preact/signals";
import type { SceneShape } from "../../../../src/world/scene.ts";
import { changedShapes, seed } from "../state/state.ts";

/* The changes of a scene, so that they can be taken back one by one. */

interface Past {
  readonly seed: number;
  readonly shapes: readonly SceneShape[] | undefined;
}

/** More than these are forgotten. */
const KEPT = 100;
const past = signal<readonly Past[]>([]);
/** What was done last, so that a shape that is dragged is one change and not hundreds. */
let lastAction = "";

/** Whether there is a change of this scene to take back. */
export const canUndo = computed(() => past.value.at(-1)?.seed === seed.value);

/**
 * Changes the shapes of the scene.
 *
 * @param action changes under the same name, one after the other, are taken back together
 */
export function commit(shapes: readonly SceneShape[] | undefined, action: string): void {
  if (action !== lastAction || !canUndo.peek())
    past.value = [...past.peek().slice(1 - KEPT), { seed: seed.peek(), shapes: changedShapes.peek() }];
  lastAction = action;
  changedShapes.value = shapes;
}

/** Takes the last change back. */
export function undo(): void {
  const last = past.peek().at(-1);
  if (!canUndo.peek() || !last) return;
  past.value = past.peek().slice(0, -1);
  lastAction = "";
  changedShapes.value = last.shapes;
}
