import "./decoder.css";
import { Choice, Following, Slider, Waiting } from "../controls.tsx";
import { BARS_SIZE, Bars, cutsOf } from "../figures/bars.tsx";
import { CellGrid, PointedCell, sizeOf } from "../figures/cell-grid.tsx";
import { heat } from "../figures/colours.ts";
import { Figure } from "../figures/figure.tsx";
import { HeatScale } from "../figures/heat-scale.tsx";
import { SceneShapes } from "../figures/scene-shapes.tsx";
import type { Told } from "../model/protocol.ts";
import { answerA, attentionScale, average, facts, layer, methodA, pointed, question, scene } from "../state/state.ts";
import { Step } from "../step.tsx";
import { CutFigure, cutScore } from "./cut-figure.tsx";
import { largestOfAll, placeOfCell, rowOf } from "./decoder-rows.ts";
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
      equation={<CutEquation shown={methodA.value === "nuwa" ? cutScore() : undefined} />}
      more={
        <>
          <p>
            The text enters the decoder behind the image. In each layer every token attends to itself and to those
            before it; the last token, from which the answer is read, sees all of them. The average over all layers is
            the budget, {average.value} tokens.
          </p>
          <ScoreTold />
        </>
      }
      figure={
        <>
          <p class="question-shown">{question.value}</p>
          <div class="controls">
            <Slider
              label="layer"
              value={shown}
              least={0}
              most={layers - 1}
              shown={`${shown} (0 to ${layers - 1})`}
              testId="layer"
              onValue={set}
            />
            <Choice label="colours" chosen={attentionScale} names={SCALES} />
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
        Text can tell which patches a question is about. So between two layers Nüwa scores each visual token and drops
        the lowest: later layers compute less, and their cache is shorter. Point at a patch to see what its token
        attends to.
      </p>
    </Step>
  );
}

/** The scales of attention's colours. */
const SCALES = [
  { name: "all", said: "one scale for all layers" },
  { name: "own", said: "a scale for each layer" },
] as const;

/** What the score of the cut is, in the reading that is chosen. */
function ScoreTold() {
  return (
    <p>
      {cutScore() === "cosine"
        ? "In the chosen reading, the paper's, the score is the cosine of a token's state with the mean state of the " +
          "text behind the image. The released code takes the attention of the last token of the prompt instead. "
        : "In the chosen reading, the released code's, the score is the attention that the last token of the prompt " +
          "pays to a visual token. The paper's is the cosine with the mean of the text behind the image. "}
      The reading is chosen in <a href="#step-3">step 3</a>.
      {methodA.value !== "nuwa" && ` Method A is ${methodA.value} now, which has its own rule.`}
    </p>
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
      <div class="bars-figure">
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
      </div>
    </>
  );
}

const percent = (share: number) => `${share > 0 && share < 0.1 ? (share * 100).toFixed(1) : Math.round(share * 100)} %`;

function AttentionFigure({ told, layer: at }: { told: Told; layer: number }) {
  const grid = facts.value?.grid;
  const seen = told.attention?.[at];
  if (!grid || !seen) return null;
  const cell = pointed.value;
  const place = cell === undefined ? undefined : placeOfCell(seen, told.tokens, cell);
  const row = rowOf(seen, told.tokens, place ?? seen.places.length - 1);
  const own = Math.max(...row.byCell.values(), 0);
  const isOwn = attentionScale.value === "own";
  const most = isOwn ? own : largestOfAll(told, place === undefined ? undefined : cell);
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
            {percent(row.behind)} to the text behind it, which holds the question. Most to one patch: {percent(own)}.
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
      <HeatScale
        what={`attention, mean over heads; scale of ${isOwn ? `layer ${at} alone` : "all layers"}`}
        least={0}
        most={most}
      />
    </div>
  );
}
