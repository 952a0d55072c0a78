import { COLOURS, SHAPES } from "../../../../src/world/attributes.ts";
import type { SceneShape } from "../../../../src/world/scene.ts";
import { Choice, Slider } from "../controls.tsx";
import { changedShapes, scene } from "../state/state.ts";
import { add, type Change, COUNTS, change, edited, refused, remove, undoAll, unlikeTraining, WIDTHS } from "./edit.ts";
import { nameOf } from "./editor.tsx";
import { canUndo, undo } from "./history.ts";

/** A value of the shape that is edited, which a control reads and sets. */
function field<T>(read: (shape: SceneShape) => T, write: (value: T) => Change): { value: T } {
  return {
    get value() {
      return read(scene.value.shapes[edited.value ?? 0]);
    },
    set value(to: T) {
      change(edited.peek() ?? 0, write(to));
    },
  };
}

const kind = field(
  ({ shape }) => shape,
  (shape) => ({ shape }),
);
const colour = field(
  (shape) => shape.colour,
  (to) => ({ colour: to }),
);

/** What can be changed of the shape that is edited, and of the scene. */
export function ShapePanel() {
  const at = edited.value;
  const { shapes } = scene.value;
  const lines = unlikeTraining.value;
  return (
    <fieldset class="shape-panel">
      <legend>{at === undefined ? "shapes: click or tap one in the picture to change it" : nameOf(shapes[at])}</legend>
      <div class="controls">
        {at !== undefined && (
          <>
            <Choice label="kind" chosen={kind} names={SHAPES} />
            <Choice label="colour" chosen={colour} names={COLOURS} />
            <Slider
              label="width"
              value={Math.round(100 * (shapes[at].box[2] - shapes[at].box[0]))}
              least={100 * WIDTHS.least}
              most={100 * WIDTHS.most}
              shown={`${Math.round(100 * (shapes[at].box[2] - shapes[at].box[0]))} %`}
              onValue={(percent) => change(at, { width: percent / 100 })}
            />
            <button
              type="button"
              disabled={shapes.length <= COUNTS.least}
              onClick={({ currentTarget }) => {
                // The button goes with the shape: who came by keyboard goes on from the next one, once it can be pressed.
                const next = currentTarget.nextElementSibling as HTMLElement | null;
                remove(at);
                requestAnimationFrame(() => next?.focus());
              }}
            >
              delete it
            </button>
          </>
        )}
        <button type="button" disabled={shapes.length >= COUNTS.most} onClick={add}>
          {shapes.length < COUNTS.most
            ? "add a shape"
            : `${COUNTS.most} shapes are the most: delete one to add another`}
        </button>
        <button type="button" disabled={!canUndo.value} onClick={undo}>
          undo
        </button>
        <button type="button" disabled={!changedShapes.value} onClick={undoAll}>
          undo all my changes
        </button>
      </div>
      <p class="problem" role="status">
        {refused.value}
      </p>
      <p class="waiting" role="status">
        {lines.length > 0 && `${lines.join(". ")}. The model has never seen that, and its answers may be wrong.`}
      </p>
    </fieldset>
  );
}
