import type { Grid } from "../../../../src/core/grid.ts";
import { Choice, Waiting } from "../controls.tsx";
import { CELL, CellGrid, cellAt, cellName, PointedCell, point, sizeOf } from "../figures/cell-grid.tsx";
import { heat, scaled } from "../figures/colours.ts";
import { Figure } from "../figures/figure.tsx";
import { HeatScale, shortly } from "../figures/heat-scale.tsx";
import { EditedScene, Handles } from "../scene/editor.tsx";
import { ShapePanel } from "../scene/panel.tsx";
import { SeedControls } from "../scene/seed.tsx";
import { gridOf, type Overlay, overlay, pointed, seen } from "../state/state.ts";
import { Step } from "../step.tsx";
import { SalienceEquation } from "./equations.tsx";

/** What is laid over the patches. */
const SHOWN = [
  { name: "picture", said: "the picture alone" },
  { name: "attention", said: "attention of the class token, summed over heads" },
  { name: "keyNorms", said: "norm of the key" },
  { name: "paper", said: "both multiplied (the paper's salience)" },
  { name: "likeness", said: "likeness to the patch pointed at" },
] as const satisfies readonly { readonly name: Overlay; readonly said: string }[];

/** Step 1: a picture in patches. */
export function Patches() {
  const grid = gridOf.value;
  return (
    <Step
      number={1}
      title="A picture in patches"
      sources={["src/model/llava/tower.ts", "src/methods/nuwa/salience.ts"]}
      equation={<SalienceEquation />}
      figure={
        <>
          <PatchFigure />
          <div class="controls">
            <Choice label="lay over it" chosen={overlay} names={SHOWN} />
          </div>
          <Waiting of={seen.value} />
          <SeedControls />
          <ShapePanel />
          <p class="waiting">
            By touch: tap a shape, then drag it. By keyboard: Tab goes to the patches and to each shape, arrow keys move
            over the patches or move the shape, Delete takes a shape away.
          </p>
        </>
      }
      more={
        <p>
          The tower's class token, one more that stands for the whole picture, pays attention to some patches more than
          to others. Such a score is called salience, and most methods keep the patches that have most of it.
        </p>
      }
    >
      <p>
        The vision tower cuts the picture into {grid.rows} × {grid.columns} patches and makes a visual token of each.
        Drag a shape or take another scene: everything below follows.
      </p>
    </Step>
  );
}

function PatchFigure() {
  const grid = gridOf.value;
  const { width, height } = sizeOf(grid);
  const values = layerOf(overlay.value);
  const colours = values && scaled(values);
  return (
    <>
      <Figure title="A picture in patches" width={width} height={height} caption={<PatchCaption />} interactive>
        <g
          onPointerMove={(event) => event.buttons === 0 && point(cellAt(event, grid))}
          onPointerDown={(event) => point(cellAt(event, grid))}
          onPointerLeave={({ pointerType }) => pointerType === "mouse" && point(undefined)}
        >
          <EditedScene side={width} />
          <g opacity={seen.value.old ? 0.5 : undefined}>
            <CellGrid
              grid={grid}
              label="patches of the picture"
              fill={(cell) => colours && heat(colours[cell])}
              opacity={0.8}
              onPoint={point}
              say={(cell) => (values ? shortly(values[cell]) : "")}
            />
          </g>
          <PatchLines grid={grid} />
          <PointedCell grid={grid} />
          <Handles side={width} />
        </g>
      </Figure>
      {values && (
        <HeatScale
          what={SHOWN.find(({ name }) => name === overlay.value)?.said ?? ""}
          least={Math.min(...values)}
          most={Math.max(...values)}
        />
      )}
    </>
  );
}

/** A value for each patch. */
function layerOf(name: Overlay): number[] | undefined {
  const { value } = seen.value;
  if (!value || name === "picture") return undefined;
  if (name === "paper") return [...value.salience.paper];
  if (name !== "likeness") return [...value[name]];
  const count = value.attention.length;
  const at = pointed.value ?? 0;
  return [...value.likeness.slice(at * count, (at + 1) * count)];
}

/** Lines between the patches, in two colours so that they are seen on any. */
function PatchLines({ grid }: { readonly grid: Grid }) {
  const { width, height } = sizeOf(grid);
  const inner = (count: number) => Array.from({ length: count - 1 }, (_, i) => (i + 1) * CELL);
  const d = [
    ...inner(grid.columns).map((x) => `M${x} 0V${height}`),
    ...inner(grid.rows).map((y) => `M0 ${y}H${width}`),
  ];
  const path = { d: d.join(""), fill: "none", "pointer-events": "none" } as const;
  return (
    <>
      <path {...path} stroke="#fff" stroke-width={2} stroke-opacity={0.6} />
      <path {...path} stroke="#000" stroke-width={0.8} stroke-opacity={0.7} />
    </>
  );
}

function PatchCaption() {
  const { value } = seen.value;
  const at = pointed.value;
  if (at === undefined || !value)
    return (
      <p>
        The lines are between the patches; the pattern of the background has nothing to do with them. Point at a patch
        to see its values.
      </p>
    );
  const count = value.attention.length;
  const rank = value.attention.reduce((ahead, other) => ahead + Number(other > value.attention[at]), 1);
  const row = [...value.likeness.slice(at * count, (at + 1) * count)];
  const alike = row.filter((cosine) => cosine >= 0.9).length - 1;
  return (
    <p>
      {`You point at ${cellName(at, gridOf.value)}. Attention of the class token ${shortly(value.attention[at])}, summed ` +
        `over heads, place ${rank} of ${count}; norm of its key ${shortly(value.keyNorms[at])}; other patches whose ` +
        `features have a cosine of 0.9 or more with its own: ${alike}.`}
    </p>
  );
}
