import type { SceneShape } from "../../../../src/world/scene.ts";
import { SceneShapes } from "../figures/scene-shapes.tsx";
import { scene } from "../state/state.ts";
import { dragTo, edit, edited, move, remove } from "./edit.ts";
import "./editor.css";

/** How far an arrow key moves a shape, and with the shift key: a hundredth, and a patch. */
const STEP = 0.01;
const LONG_STEP = 1 / 12;
/** Least side of what a finger can take hold of, as a share of the picture. */
const GRASP = 0.14;

/** The scene as it is drawn. */
export function EditedScene({ side }: { readonly side: number }) {
  return <SceneShapes scene={scene.value} side={side} />;
}

/** What a reader takes hold of to move the shapes, over whatever else is drawn. */
export function Handles({ side }: { readonly side: number }) {
  return (
    <g>
      {scene.value.shapes.map((shape, at) => (
        <Handle key={at} {...{ shape, at, side }} />
      ))}
    </g>
  );
}

interface HandleProps {
  readonly shape: SceneShape;
  readonly at: number;
  readonly side: number;
}

function Handle({ shape, at, side }: HandleProps) {
  const where = `${percent(shape.box[0])} from the left, ${percent(shape.box[1])} from the top`;
  const [x0, y0, x1, y1] = shape.box.map((edge) => edge * side);
  const isEdited = edited.value === at;
  const grasp = GRASP * side;
  const grown = (size: number) => Math.max(0, (grasp - size) / 2);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a button cannot stand in a drawing
    <g
      class={isEdited ? "handle edited" : "handle"}
      role="button"
      tabindex={0}
      aria-pressed={isEdited}
      aria-label={`${nameOf(shape)}, ${where}; arrow keys move it`}
      onClick={() => edit(at)}
      onKeyDown={(event) => {
        const { currentTarget } = event;
        const isLast = at === scene.peek().shapes.length - 1;
        if (!keyed(event, at)) return;
        event.preventDefault();
        // The last handle goes with its shape; the others take the places of those behind them.
        if (isLast && at >= scene.peek().shapes.length) (currentTarget.previousElementSibling as SVGElement)?.focus();
      }}
      onPointerDown={(event) => drag(event, at, side)}
      // Where the shape is chosen, the page would scroll under the finger: Chromium passes over `touch-action` inside of
      // drawings. Elsewhere it shall scroll.
      onTouchStart={(event) => isEdited && event.preventDefault()}
    >
      <rect
        x={x0 - grown(x1 - x0)}
        y={y0 - grown(y1 - y0)}
        width={Math.max(grasp, x1 - x0)}
        height={Math.max(grasp, y1 - y0)}
        fill="transparent"
      />
      {isEdited &&
        (["#000", "#fff"] as const).map((stroke, i) => (
          <rect
            key={stroke}
            x={x0 - 4}
            y={y0 - 4}
            width={x1 - x0 + 8}
            height={y1 - y0 + 8}
            fill="none"
            stroke={stroke}
            stroke-width={3}
            stroke-dasharray={i === 0 ? undefined : "8"}
          />
        ))}
    </g>
  );
}

/** A shape in words. */
export function nameOf({ size, colour, shape }: SceneShape): string {
  return `${size} ${colour} ${shape}`;
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

/** @returns whether the key meant something */
function keyed({ key, shiftKey }: KeyboardEvent, at: number): boolean {
  const step = shiftKey ? LONG_STEP : STEP;
  const steps: Readonly<Record<string, readonly [number, number]>> = {
    ArrowLeft: [-step, 0],
    ArrowRight: [step, 0],
    ArrowUp: [0, -step],
    ArrowDown: [0, step],
  };
  if (steps[key]) {
    edit(at);
    move(at, ...steps[key]);
  } else if (key === "Enter" || key === " ") edit(at);
  else if (key === "Delete" || key === "Backspace") remove(at);
  else return false;
  return true;
}

/** Counts drags: each is taken back by itself. */
let drags = 0;

/**
 * Follows a pointer until it is lifted, as long as it holds the shape where it took it. A finger drags only a shape that
 * was chosen by a tap before: else a swipe over the picture would move shapes instead of the page.
 */
function drag(event: PointerEvent, at: number, side: number): void {
  if (event.button !== 0 || (event.pointerType === "touch" && edited.peek() !== at)) return;
  const name = `drag ${drags++}`;
  let now = at;
  const handle = event.currentTarget as SVGGElement;
  const place = placeIn(handle, event, side);
  const { box } = scene.peek().shapes[at];
  const held = [place[0] - box[0], place[1] - box[1]];
  edit(at);
  // By touch nothing else focuses it.
  handle.focus({ preventScroll: true });
  handle.setPointerCapture(event.pointerId);
  const moved = (next: PointerEvent) => {
    const [x, y] = placeIn(handle, next, side);
    now = dragTo(now, x - held[0], y - held[1], name);
  };
  const ended = () => {
    // It may have come to the front, and then has another handle.
    (handle.parentElement?.children[now] as SVGElement | undefined)?.focus({ preventScroll: true });
    handle.removeEventListener("pointermove", moved);
    handle.removeEventListener("pointerup", ended);
    handle.removeEventListener("pointercancel", ended);
  };
  handle.addEventListener("pointermove", moved);
  handle.addEventListener("pointerup", ended);
  handle.addEventListener("pointercancel", ended);
}

/** Where a pointer is, as shares of the picture. */
function placeIn(element: SVGGraphicsElement, { clientX, clientY }: PointerEvent, side: number): [number, number] {
  const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(element.getScreenCTM()?.inverse());
  return [x / side, y / side];
}
