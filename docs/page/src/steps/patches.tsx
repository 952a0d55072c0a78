import { signal } from "@preact/signals";
import { Choice, Slider, Waiting } from "../controls.tsx";
import { CELL, CellGrid, placeOf, sizeOf } from "../figures/cell-grid.tsx";
import { heat, scaled } from "../figures/colours.ts";
import { Figure } from "../figures/figure.tsx";
import { SceneEditor } from "../scene/editor.tsx";
import { changedShapes, facts, pointed, scene, seed, seen } from "../state/state.ts";
import { Step } from "../step.tsx";

/** What is laid over the patches. */
const SHOWN = [
  { name: "picture", said: "the picture alone" },
  { name: "attention", said: "attention of the class token (salience)" },
  { name: "keyNorms", said: "norm of the key" },
  { name: "likeness", said: "likeness to the patch pointed at" },
] as const;
const shown = signal<(typeof SHOWN)[number]["name"]>("picture");

/** Step 1: a picture in patches. */
export function Patches() {
  const grid = facts.value?.grid ?? { rows: 12, columns: 12 };
  const values = layerOf(shown.value);
  const { width, height } = sizeOf(grid);
  const at = pointed.value;
  return (
    <Step
      number={1}
      title="A picture in patches"
      sources={["src/model/llava/tower.ts", "src/methods/nuwa/salience.ts"]}
      equation={
        <math display="block">
          <msub>
            <mi>s</mi>
            <mi>i</mi>
          </msub>
          <mo>=</mo>
          <munder>
            <mo>∑</mo>
            <mi>h</mi>
          </munder>
          <msubsup>
            <mi>A</mi>
            <mrow>
              <mi>cls</mi>
              <mo>,</mo>
              <mi>i</mi>
            </mrow>
            <mi>h</mi>
          </msubsup>
        </math>
      }
      figure={
        <>
          <div class="controls">
            <Slider
              label="scene"
              value={seed.value}
              least={0}
              most={299}
              testId="scene-seed"
              onValue={(value) => {
                seed.value = value;
                changedShapes.value = undefined;
              }}
            />
            <Choice label="show" chosen={shown} names={SHOWN} />
          </div>
          <Figure title="A picture in patches" width={width} height={height} caption={captionOf(at)}>
            <SceneEditor side={width} />
            <g
              class={shown.value === "picture" ? "grid" : ""}
              pointer-events={shown.value === "picture" ? "none" : "auto"}
            >
              <CellGrid
                grid={grid}
                fill={(cell) => (values ? heat(values[cell]) : undefined)}
                opacity={0.8}
                onPoint={(cell) => {
                  pointed.value = cell;
                }}
              />
            </g>
            {at !== undefined && <rect class="pointed" {...placeOf(at, grid)} width={CELL} height={CELL} />}
          </Figure>
          <Waiting of={seen.value} />
        </>
      }
    >
      <p>
        The vision tower cuts the picture into {grid.rows} × {grid.columns} patches and makes a visual token of each:{" "}
        {grid.rows * grid.columns} tokens for {scene.value.shapes.length} shapes. Drag a shape, change its colour or
        size, or take another scene: everything below follows.
      </p>
      <p>
        The class token pays attention to some patches more than to others. Pruners call that salience, and most of them
        keep what has most of it.
      </p>
    </Step>
  );
}

function layerOf(name: (typeof SHOWN)[number]["name"]): number[] | undefined {
  const { value } = seen.value;
  if (!value || name === "picture") return undefined;
  if (name !== "likeness") return scaled(value[name]);
  const count = value.attention.length;
  const at = pointed.value ?? 0;
  return scaled(value.likeness.slice(at * count, (at + 1) * count));
}

function captionOf(at: number | undefined): string {
  const { value } = seen.value;
  if (at === undefined || !value) return "Point at a patch to see its values.";
  return `patch ${at}: attention ${value.attention[at].toFixed(3)}, norm of its key ${value.keyNorms[at].toFixed(2)}`;
}
