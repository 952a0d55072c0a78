import { VARIANTS } from "../../../../src/methods/nuwa/variants.ts";
import { cutsOf } from "../figures/bars.tsx";
import { CELL, CellGrid, PointedCell, placeOf, sizeOf } from "../figures/cell-grid.tsx";
import { heat } from "../figures/colours.ts";
import { Figure } from "../figures/figure.tsx";
import { HeatScale } from "../figures/heat-scale.tsx";
import { SceneShapes } from "../figures/scene-shapes.tsx";
import type { Told } from "../model/protocol.ts";
import { facts, methodA, pointed, scene, variant } from "../state/state.ts";
import { cutNear } from "./decoder-rows.ts";

/** What Nüwa's second cut goes by in the chosen reading. */
export const cutScore = () => VARIANTS[variant.value].stage2;

/** What a score is called beside its colours. */
const SCORE_NAMES = {
  attention: "score: attention of the last token, mean over heads",
  cosine: "score: cosine with the mean of the text",
} as const;

/** The scores of a cut, and which tokens stay. */
export function CutFigure({ told, layer: at }: { told: Told; layer: number }) {
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
      <HeatScale what={method === "nuwa" ? SCORE_NAMES[cutScore()] : `score of ${method}`} least={least} most={most} />
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
