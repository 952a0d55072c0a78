import { computed } from "@preact/signals";
import { imagePositions, POSITION_POLICIES } from "../../../../src/methods/nuwa/positions.ts";
import { rasterShape } from "../../../../src/model/image-shape.ts";
import { Choice, Following, Waiting } from "../controls.tsx";
import { CELL, CellGrid, cellName, PointedCell, placeOf, point, sizeOf } from "../figures/cell-grid.tsx";
import { Figure } from "../figures/figure.tsx";
import { RULER_WIDTH, Ruler, type RulerRow, rulerHeight } from "../figures/ruler.tsx";
import { EditedScene } from "../scene/editor.tsx";
import { answerA, answerUnpruned, chosen, gridOf, methodA, pointed, positions, tokens } from "../state/state.ts";
import { Step } from "../step.tsx";
import { AnswerBoxes, BoxLegend } from "./answer-boxes.tsx";
import { PositionsEquation } from "./equations-3-and-4.tsx";
import "./positions.css";

/** Ids of the kept tokens under each policy; those in use are what the worker says. */
const policies = computed<{ readonly value?: { readonly rows: readonly RulerRow[]; readonly start: number } }>(() => {
  const { value } = tokens;
  if (!value) return {};
  const image = rasterShape(gridOf.value);
  // The worker's answer may be of the policy before.
  const compressed = value.nextId - value.ids[0] === value.ids.length;
  const start = value.nextId - (compressed ? value.ids.length : image.length);
  const offsets = value.cells.map((cell) => (cell < 0 ? undefined : [cell]));
  const rows = POSITION_POLICIES.map((name) => {
    const { visual, nextPosition } = imagePositions(name, offsets, start, image);
    return { name, ids: visual.map(([id]) => id), nextId: nextPosition };
  });
  return { value: { rows, start } };
});

/** Step 4: position ids, and what they do to the answer. */
export function Positions() {
  return (
    <Step
      number={4}
      title="Position ids"
      sources={["src/methods/nuwa/positions.ts", "src/core/slots.ts"]}
      equation={<PositionsEquation />}
      figure={
        <>
          <div class="controls">
            <Choice
              label="position ids"
              chosen={positions}
              testId="positions"
              names={[
                { name: "original", said: "original: as in the unpruned model" },
                { name: "compressed", said: "compressed: without gaps" },
                { name: "rpme", said: "rpme: stretched over the range of all" },
                { name: "ppe", said: "ppe: original, and those of what it is made of" },
              ]}
            />
          </div>
          <Following of={[chosen.value]}>
            <IdsFigure />
          </Following>
          <BoxLegend />
          <Waiting of={answerA.value} />
          <IdsRuler />
        </>
      }
      more={
        <>
          <p>
            Under ppe a token that is mixed from several patches turns parts of its frequencies by the ids of these; its
            own id stays as it was.
          </p>
          <p>
            This model was trained so that ids alone tell it where a patch lies. When they change, the box that it
            answers with moves, although the tokens are the same: fewer ids are fewer rows. Compressed ids take its
            share of right boxes from 0.74 (95 % interval 0.63 to 0.83) to 0.18 (0.10 to 0.29); the project's ordinary
            model, whose tokens also say where the edges of shapes are, goes from 0.84 (0.76 to 0.92) to 0.74 (0.62 to
            0.84). These are shares of 88 boxes in 40 scenes of the test split, under Nüwa as released at 32 tokens.
          </p>
        </>
      }
    >
      <p>
        Unpruned, patch i has the position id s + i, where s tokens of the prompt stand before the picture, and a row of
        patches is {gridOf.value.columns} ids long. The ids of the kept tokens may stay as they were, be numbered
        without gaps, or be stretched over the whole range.
      </p>
    </Step>
  );
}

/** The kept patches with their ids, and the boxes of the answers. */
function IdsFigure() {
  const grid = gridOf.value;
  const { width, height } = sizeOf(grid);
  const { value } = tokens;
  const ids = new Map(value?.cells.map((cell, i) => [cell, value.ids[i]]));
  // Some methods make tokens without a cell.
  const cells = [...ids.keys()].filter((cell) => cell >= 0);
  return (
    <Figure
      title="Position ids of the kept patches, and the answer's box"
      {...{ width, height }}
      caption={<IdsCaption ids={ids} />}
      interactive
    >
      <EditedScene side={width} />
      <CellGrid
        grid={grid}
        label="patches with position ids"
        fill={(cell) => (ids.has(cell) ? undefined : "#808080")}
        opacity={0.55}
        onPoint={point}
        say={(cell) => (ids.has(cell) ? `id ${ids.get(cell)}` : "dropped")}
      />
      <g pointer-events="none">
        {cells.map((cell) => (
          <rect
            key={cell}
            x={placeOf(cell, grid).x + 1}
            y={placeOf(cell, grid).y + 9}
            width={CELL - 2}
            height={22}
            fill="#fff"
            fill-opacity={0.9}
          />
        ))}
        <AnswerBoxes side={width} />
        {cells.map((cell) => (
          <IdLabel key={cell} cell={cell} id={ids.get(cell) ?? 0} />
        ))}
        <PointedCell grid={grid} />
      </g>
    </Figure>
  );
}

/** The id of the patch that is pointed at, beside its number. */
function IdsCaption({ ids }: { readonly ids: ReadonlyMap<number, number> }) {
  const { value } = policies.value;
  const at = pointed.value;
  const id = at === undefined ? undefined : ids.get(at);
  return (
    <p>
      {`Kept by ${methodA.value}: ${ids.size} patches, each with its position id`}
      {value && `; s = ${value.start}`}.{" "}
      {at !== undefined &&
        `You point at ${cellName(at, gridOf.value)}: ${id === undefined ? "it is dropped" : `position id ${id}`}.`}
    </p>
  );
}

function IdLabel({ cell, id }: { readonly cell: number; readonly id: number }) {
  const { x, y } = placeOf(cell, gridOf.value);
  // The light edge parts it from the boxes' lines, over which it lies.
  const edge = { stroke: "#fff", "stroke-width": 4, "paint-order": "stroke" };
  return (
    <text x={x + CELL / 2} y={y + 26} font-size={17} text-anchor="middle" fill="#000" {...edge}>
      {id}
    </text>
  );
}

function IdsRuler() {
  const rows = policies.value.value?.rows ?? [];
  const { value } = tokens;
  if (!value || rows.length === 0) return null;
  const isStretched = value.cells[value.cells.length - 1] !== gridOf.value.rows * gridOf.value.columns - 1;
  // The prompt is the same under all policies; s of its tokens stand before the image.
  const told = answerUnpruned.value.value;
  const text = told && told.textTokens - (policies.value.value?.start ?? 0);
  const last = Math.max(...rows.map(({ nextId }) => nextId)) + Math.max(8, text ?? 0);
  const used = rows.find(({ name }) => name === positions.value) ?? rows[0];
  const [first] = used.ids;
  return (
    <div data-testid="ids-ruler">
      <Figure
        title="Position ids on a ruler"
        width={RULER_WIDTH}
        height={rulerHeight(rows.length)}
        caption={
          <p>
            {`Ticks are the kept tokens, grey bars the text. Ids in use: ${first} to ${used.ids[used.ids.length - 1]}; ` +
              `the text goes on at ${used.nextId}.`}
            {!isStretched && " The last patch is kept, so rpme stretches nothing here but the first id."}
          </p>
        }
        interactive
      >
        <Ruler rows={rows} used={used.name} range={[0, last]} cells={value.cells} text={text} />
      </Figure>
      <details>
        <summary>All ids in use</summary>
        <p class="id-list">{used.ids.join(", ")}</p>
      </details>
    </div>
  );
}
