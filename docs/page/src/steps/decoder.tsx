import "./decoder.css";
import { Following, Slider, Waiting } from "../controls.tsx";
import { BARS_SIZE, Bars, cutsOf } from "../figures/bars.tsx";
import { CELL, CellGrid, PointedCell, placeOf, sizeOf } from "../figures/cell-grid.tsx";
import { heat } from "../figures/colours.ts";
import { Figure } from "../figures/figure.tsx";
import { HeatScale } from "../figures/heat-scale.tsx";
import { SceneShapes } from "../figures/scene-shapes.tsx";
import type { Told } from "../model/protocol.ts";
import { answerA, average, facts, layer, methodA, pointed, scene } from "../state/state.ts";
import { Step } from "../step.tsx";
import { cutNear, placeOfCell, rowOf } from "./decoder-rows.ts";
import { CutEquation } from "./equations-5-to-7.tsx";

/** Step 5: the second pruning, between two layers of the decoder. */
export function Decoder() {
  const { value: told } = answerA.value;
  const layers = facts.value?.layers ?? 8;
  const shown = Math.min(layer.value, layers - 1);
  const set = (value: number) => {
    layer.value = value;
  };
  return (
    <Step
      number={5}
      title="A second pruning inside the decoder"
      sources={["src/methods/nuwa/textguided.ts", "src/pipeline/cutting.ts", "src/pipeline/decoder-loop.ts"]}
      equation={<CutEquation />}
      figure={
        <>
          <div class="controls">
            <Slider
              label="layer"
              value={shown}
              least={0}
              most={layers - 1}
              shown={`${shown} of 0–${layers - 1}`}
              testId="layer"
              onValue={set}
            />
          </div>
          {told && (
            <Following of={[answerA.value]}>
              <LayerFigures told={told} layer={shown} onLayer={set} />
            </Following>
          )}
          <Waiting of={answerA.value} />
        </>
      }
    >
      <p>
        The text enters the decoder behind the image. In each layer every token attends to itself and to those before
        it; the last token, from which the answer is read, sees all of them. Point at a patch to see what its token
        attends to.
      </p>
      <p>
        Text can tell which patches a question is about. Nüwa scores each visual token by the attention that the last
        token of the prompt pays to it, and drops the lowest between two layers: later layers compute less, and their
        cache is shorter. The average over all layers is the budget, {average.value} tokens.
      </p>
    </Step>
  );
}

function LayerFigures({ told, layer: at, onLayer }: { told: Told; layer: number; onLayer: (layer: number) => void }) {
  const cuts = cutsOf(told.entering);
  return (
    <>
      <div class="panes">
        <AttentionFigure told={told} layer={at} />
        <CutFigure told={told} layer={at} />
      </div>
      <Figure
        title="Cache entries in each decoder layer"
        {...BARS_SIZE}
        caption={
          <>
            Layer {at}: {told.entering[at]} of {told.total} visual tokens and {told.textTokens} of text, so{" "}
            {told.entering[at] + told.textTokens} entries in its cache. Outlines: the unpruned model.{" "}
            {cuts.length > 0
              ? `Tokens are dropped before layer ${cuts.join(", ")}.`
              : `${methodA.value} drops nothing inside the decoder.`}
          </>
        }
      >
        <Bars counts={told.entering} total={told.total} text={told.textTokens} layer={at} onLayer={onLayer} />
      </Figure>
    </>
  );
}

const percent = (share: number) => `${share > 0 && share < 0.1 ? (share * 100).toFixed(1) : Math.round(share * 100)} %`;

function AttentionFigure({ told, layer: at }: { told: Told; layer: number }) {
  const grid = facts.value?.grid;
  const own = told.attention?.[at];
  if (!grid || !own) return null;
  const cell = pointed.value;
  const place = cell === undefined ? undefined : placeOfCell(own, told.tokens, cell);
  const row = rowOf(own, told.tokens, place ?? own.places.length - 1);
  const most = Math.max(...row.byCell.values(), 0);
  const who =
    place === undefined
      ? "The last token of the prompt"
      : `The token of patch ${cell}, which sees what stands before it,`;
  const { width } = sizeOf(grid);
  return (
    <div>
      <Figure
        title={`Attention in layer ${at}`}
        interactive
        {...sizeOf(grid)}
        caption={
          <>
            {who} pays {percent(row.image)} of its attention to the image, {percent(row.before)} to the text before it,{" "}
            {percent(row.behind)} to the text behind it.
            {cell !== undefined && place === undefined && ` Patch ${cell} has no token in this layer.`}
          </>
        }
      >
        <SceneShapes scene={scene.value} side={width} />
        <CellGrid
          grid={grid}
          fill={(one) => {
            const value = row.byCell.get(one);
            return value === undefined ? undefined : heat(most > 0 ? value / most : 0);
          }}
          opacity={0.88}
          label="attention paid to each patch"
          say={(one) => (row.byCell.has(one) ? `${percent(row.byCell.get(one) ?? 0)} of the attention` : "no token")}
          onPoint={(one) => {
            pointed.value = one;
          }}
        />
        <PointedCell grid={grid} />
      </Figure>
      <HeatScale what="attention, mean over heads" least={0} most={most} />
    </div>
  );
}

function CutFigure({ told, layer: at }: { told: Told; layer: number }) {
  const grid = facts.value?.grid;
  if (!grid) return null;
  const cut = cutNear(told, at);
  const method = methodA.value;
  if (!cut)
    return (
      <p class="waiting">
        {cutsOf(told.entering).length > 0
          ? `${method} drops tokens inside the decoder by a rule that gives no scores.`
          : `${method} scores no token inside the decoder.`}
      </p>
    );
  const known = cut.scores.filter(([token]) => told.tokens[token].cell >= 0);
  const byCell = new Map(known.map(([token, score]) => [told.tokens[token].cell, { token, score }]));
  const values = known.map(([, score]) => score);
  const [least, most] = [Math.min(...values, 0), Math.max(...values, 0)];
  const stays = (token: number) => told.tokens[token].layers > cut.layer;
  const count = cut.scores.filter(([token]) => stays(token)).length;
  return (
    <div>
      <Figure
        title={`Scores of the cut before layer ${cut.layer}`}
        interactive
        {...sizeOf(grid)}
        caption={`Before layer ${cut.layer}, ${count} of ${cut.scores.length} tokens stay (○); the others (×) are dropped.`}
      >
        <SceneShapes scene={scene.value} side={sizeOf(grid).width} />
        <CellGrid
          grid={grid}
          fill={(cell) => {
            const found = byCell.get(cell);
            return found && heat(most > least ? (found.score - least) / (most - least) : 0);
          }}
          opacity={0.88}
          label="scores at the cut"
          say={(cell) => {
            const found = byCell.get(cell);
            return found
              ? `score ${found.score.toPrecision(2)}, ${stays(found.token) ? "stays" : "dropped"}`
              : "no token";
          }}
          onPoint={(cell) => {
            pointed.value = cell;
          }}
        />
        {[...byCell].map(([cell, { token }]) => (
          <CutMark key={cell} {...placeOf(cell, grid)} stays={stays(token)} />
        ))}
        <PointedCell grid={grid} />
      </Figure>
      <HeatScale what="score" least={least} most={most} />
    </div>
  );
}

function CutMark({ x, y, stays }: { x: number; y: number; stays: boolean }) {
  const [cx, cy] = [x + CELL / 2, y + CELL / 2];
  const cross = `M${cx - 7} ${cy - 7} l14 14 m0 -14 l-14 14`;
  return (
    <g class="cut-mark">
      {(["halo", "line"] as const).map((part) =>
        stays ? <circle key={part} class={part} {...{ cx, cy }} r={10} /> : <path key={part} class={part} d={cross} />,
      )}
    </g>
  );
}
