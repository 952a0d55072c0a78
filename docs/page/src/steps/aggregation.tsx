import { useId } from "preact/hooks";
import { squaredDistance } from "../../../../src/core/grid.ts";
import { indexOfLargest } from "../../../../src/core/ranking.ts";
import { VARIANTS } from "../../../../src/methods/nuwa/variants.ts";
import { Choice, Following, Slider, Waiting } from "../controls.tsx";
import { CELL, CellGrid, cellName, middleOf, PointedCell, point, sizeOf } from "../figures/cell-grid.tsx";
import { heat } from "../figures/colours.ts";
import { Figure } from "../figures/figure.tsx";
import { HeatScale, shortly } from "../figures/heat-scale.tsx";
import { EditedScene } from "../scene/editor.tsx";
import {
  anchor,
  chosenByNuwa,
  distanceFraction,
  gridOf,
  pillarQuantile,
  reach,
  tokensOfNuwa,
  variant,
} from "../state/state.ts";
import { Step } from "../step.tsx";
import { AggregationEquation } from "./equations-3-and-4.tsx";
import "./aggregation.css";

/** An anchor, and where its token comes from. */
interface Row {
  readonly cell: number;
  readonly pillar: boolean;
  /** Weight of each patch, [N]. */
  readonly weights: ArrayLike<number>;
}

/** Step 3: pillars and collectors, and what each token is mixed from. */
export function Aggregation() {
  return (
    <Step
      number={3}
      title="Pillars, collectors and aggregation"
      sources={["src/methods/nuwa/pillars.ts", "src/methods/nuwa/aggregation.ts", "src/methods/nuwa/variants.ts"]}
      equation={<AggregationEquation />}
      figure={
        <>
          <AggregationControls />
          <Following of={[chosenByNuwa.value]}>
            <Gathering />
          </Following>
          <Waiting of={chosenByNuwa.value} />
        </>
      }
      more={
        <p>
          The paper scores pillars by the norm of the key and takes the top quarter; the released code scores by
          salience, takes the top 45 %, and sets an anchor's weight in its own token back to 1 after dividing. The
          reading also changes stage 2, which moves answers more than all else: see{" "}
          <a href="#step-5">the score of the second pruning</a>.
        </p>
      }
    >
      <p>
        The anchors whose score reaches a quantile are pillars: their tokens stay as they are. All others are
        collectors: each takes in the tokens of other patches, more of those that look similar and lie near, and nothing
        from a distance of τ or more.
      </p>
    </Step>
  );
}

function AggregationControls() {
  const read = VARIANTS[variant.value];
  const quantile = pillarQuantile.value ?? Number(read.pillarQuantile);
  const tau = reach.value.value;
  const fraction = distanceFraction.value ?? tau?.fraction;
  return (
    <div class="controls">
      <Choice
        label="reading"
        chosen={variant}
        names={[
          { name: "official", said: "released code" },
          { name: "paper", said: "paper" },
        ]}
      />
      <Slider
        label="τ², share of the largest squared distance"
        value={Number((fraction ?? 0.01).toFixed(2))}
        least={0.01}
        most={1}
        step={0.01}
        shown={fraction && tau ? `${fraction.toFixed(2)} (τ = ${tau.patches.toFixed(1)} patches)` : "…"}
        onValue={(value) => {
          distanceFraction.value = value;
        }}
      />
      <Slider
        label="pillars from quantile"
        value={quantile}
        least={0}
        most={1}
        step={0.05}
        shown={quantile.toFixed(2)}
        onValue={(value) => {
          pillarQuantile.value = value;
        }}
      />
      <button
        type="button"
        disabled={distanceFraction.value === undefined && pillarQuantile.value === undefined}
        onClick={() => {
          distanceFraction.value = undefined;
          pillarQuantile.value = undefined;
        }}
      >
        {`back to the ${variant.value === "paper" ? "paper" : "code"}'s values`}
      </button>
    </div>
  );
}

/** The anchor nearest to the patch that was chosen, with its weights. */
function shownRow(): Row | undefined {
  const { value } = tokensOfNuwa;
  if (!value || value.cells.length === 0) return undefined;
  const grid = gridOf.value;
  const at = Math.min(anchor.value, grid.rows * grid.columns - 1);
  const index = indexOfLargest(value.cells.map((cell) => -squaredDistance(grid, cell, at)));
  const cell = value.cells[index];
  const total = grid.rows * grid.columns;
  return {
    cell,
    pillar: value.pillars?.[index] ?? true,
    // Where nothing is dropped, nothing is mixed.
    weights:
      value.weights?.slice(index * total, (index + 1) * total) ??
      Array.from({ length: total }, (_, other) => Number(other === cell)),
  };
}

function Gathering() {
  const grid = gridOf.value;
  const id = useId();
  const { width, height } = sizeOf(grid);
  const { value } = tokensOfNuwa;
  const row = shownRow();
  const most = row ? largestOther(row) : 0;
  const kept = new Map(value?.cells.map((cell, i) => [cell, value.pillars?.[i] ?? true]));
  const tau = reach.value.value?.patches;
  return (
    <>
      <Figure
        title="Pillars and collectors, and the weights of one anchor"
        {...{ width, height }}
        caption={row && <p>{rowInWords(row)}</p>}
        interactive
      >
        <clipPath id={id}>
          <rect {...{ width, height }} />
        </clipPath>
        <EditedScene side={width} />
        <CellGrid
          grid={grid}
          label="patches with anchors; Enter shows the weights of the nearest anchor"
          opacity={0.85}
          fill={(cell) => {
            const weight = row?.weights[cell] ?? 0;
            return weight > 0 && cell !== row?.cell ? heat(weight / most) : undefined;
          }}
          onPoint={point}
          onChoose={(cell) => {
            anchor.value = cell;
          }}
          say={(cell) => {
            const pillar = kept.get(cell);
            const what = pillar === undefined ? "dropped" : pillar ? "pillar" : "collector";
            return `${what}, weight ${shortly(row?.weights[cell] ?? 0)}`;
          }}
        />
        <g pointer-events="none" clip-path={`url(#${id})`}>
          {[...kept].map(([cell, pillar]) => (
            <AnchorMark key={cell} {...middleOf(cell, grid)} pillar={pillar} />
          ))}
          {row && <ChosenAnchor {...row} reach={tau} />}
          <PointedCell grid={grid} />
        </g>
      </Figure>
      {most > 0 && <HeatScale what="weight of a patch in the anchor's token" least={0} most={most} />}
      <ul class="legend">
        <li>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <AnchorMark cx={12} cy={12} pillar />
          </svg>
          pillar ({[...kept.values()].filter(Boolean).length})
        </li>
        <li>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <AnchorMark cx={12} cy={12} pillar={false} />
          </svg>
          collector ({[...kept.values()].filter((pillar) => !pillar).length})
        </li>
        <li>dashed circle: τ around the chosen anchor</li>
      </ul>
    </>
  );
}

function largestOther({ cell, weights }: Row): number {
  return Math.max(0, ...Array.from(weights, (weight, other) => (other === cell ? 0 : weight)));
}

function rowInWords({ cell, pillar, weights }: Row): string {
  const list = Array.from(weights);
  const sources = list.filter((weight) => weight > 0).length - 1;
  const sum = list.reduce((total, weight) => total + weight, 0);
  const grid = gridOf.value;
  const where =
    anchor.value === cell
      ? `The anchor, ${cellName(cell, grid)}`
      : `Patch ${anchor.value} is dropped; the anchor nearest to it, ${cellName(cell, grid)}`;
  if (pillar) return `${where}, is a pillar: its token stays as it is. Click another to see what it is mixed from.`;
  return (
    `${where}, is a collector: its own token with weight ${weights[cell].toFixed(2)}, and ${sources} others; the ` +
    `weights sum to ${sum.toFixed(2)}.`
  );
}

/** An orange square for a pillar, a blue circle for a collector. */
export function AnchorMark({ cx, cy, pillar }: { readonly cx: number; readonly cy: number; readonly pillar: boolean }) {
  const style = { stroke: "#fff", "stroke-width": 2.5, class: pillar ? "anchor pillar" : "anchor collector" };
  return pillar ? (
    <rect x={cx - 9} y={cy - 9} width={18} height={18} {...style} />
  ) : (
    <circle {...{ cx, cy }} r={9} {...style} />
  );
}

function ChosenAnchor({ cell, reach: tau }: Row & { readonly reach?: number }) {
  const middle = middleOf(cell, gridOf.value);
  return (
    <g fill="none">
      <circle {...middle} r={17} stroke="#000" stroke-width={6} />
      <circle {...middle} r={17} stroke="#fff" stroke-width={2.5} />
      {tau !== undefined && (
        <>
          <circle {...middle} r={tau * CELL} stroke="#000" stroke-width={4} />
          <circle {...middle} r={tau * CELL} stroke="#fff" stroke-width={2} stroke-dasharray="10 8" />
        </>
      )}
    </g>
  );
}
