import { Choice, Waiting } from "../controls.tsx";
import { CellGrid, cellAt, cellName, PointedCell, point, sizeOf } from "../figures/cell-grid.tsx";
import { heat, scaled } from "../figures/colours.ts";
import { Figure } from "../figures/figure.tsx";
import { HeatScale, shortly } from "../figures/heat-scale.tsx";
import { EditedScene, Handles } from "../scene/editor.tsx";
import { ShapePanel } from "../scene/panel.tsx";
import { SeedControls } from "../scene/seed.tsx";
import { gridOf, type Overlay, overlay, pointed, scene, seen } from "../state/state.ts";
import { Step } from "../step.tsx";
import { SalienceEquation } from "./equations.tsx";

/** What is laid over the patches. */
const SHOWN = [
  { name: "picture", said: "the picture alone" },
  { name: "attention", said: "attention of the class token" },
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
          <SeedControls />
          <div class="controls">
            <Choice label="lay over it" chosen={overlay} names={SHOWN} />
          </div>
          <PatchFigure />
          <Waiting of={seen.value} />
          <ShapePanel />
        </>
      }
    >
      <p>
        The vision tower cuts the picture into {grid.rows} × {grid.columns} patches and makes a visual token of each:{" "}
        {grid.rows * grid.columns} tokens for {scene.value.shapes.length} shapes. Drag a shape, change its colour or
        size, or take another scene: everything below is computed anew.
      </p>
      <p>
        The class token pays attention to some patches more than to others. Pruning methods call such a score salience,
        and most of them keep the patches that have most of it.
      </p>
      <p>
        By keyboard: the tab key goes to the patches and to each shape, arrow keys move over the patches or move the
        shape, Delete takes a shape away.
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
          <g class="lines">
            <CellGrid
              grid={grid}
              label="patches of the picture"
              fill={(cell) => colours && heat(colours[cell])}
              opacity={0.8}
              onPoint={point}
              say={(cell) => (values ? shortly(values[cell]) : "")}
            />
          </g>
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

function PatchCaption() {
  const { value } = seen.value;
  const at = pointed.value;
  if (at === undefined || !value) return <p>Point at a patch to see its values.</p>;
  const count = value.attention.length;
  const rank = value.attention.reduce((ahead, other) => ahead + Number(other > value.attention[at]), 1);
  const row = [...value.likeness.slice(at * count, (at + 1) * count)];
  const alike = row.filter((cosine) => cosine >= 0.9).length - 1;
  return (
    <p>
      {`Patch ${at} (${cellName(at, gridOf.value)}): attention ${shortly(value.attention[at])}, place ${rank} of ` +
        `${count}; norm of its key ${shortly(value.keyNorms[at])}; others with a cosine of 0.9 or more: ${alike}.`}
    </p>
  );
}
