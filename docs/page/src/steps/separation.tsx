import { batch } from "@preact/signals";
import { Slider, Waiting } from "../controls.tsx";
import { CELL, CellGrid, middleOf, PointedCell, placeOf, point, sizeOf } from "../figures/cell-grid.tsx";
import { heat, scaled } from "../figures/colours.ts";
import { Figure } from "../figures/figure.tsx";
import { HeatScale } from "../figures/heat-scale.tsx";
import { EditedScene } from "../scene/editor.tsx";
import { current } from "../state/live.ts";
import { average, chosen, gridOf, methodA, regionSize, seen, worstCase } from "../state/state.ts";
import { Step } from "../step.tsx";
import { type Covering, coverings, salience, split, stage1Budget, worstSalience } from "./coverage.ts";
import { Candidates, Guarantee, Measures } from "./coverage-words.tsx";
import { AlignmentEquation } from "./equations.tsx";
import "./separation.css";

/** Step 2: separation and alignment, beside plain top-k. */
export function Separation() {
  const grid = gridOf.value;
  return (
    <Step
      number={2}
      title="Separation and alignment"
      sources={[
        "src/methods/nuwa/separation.ts",
        "src/methods/nuwa/alignment.ts",
        "src/analysis/coverage.ts",
        "src/analysis/bounds.ts",
      ]}
      equation={<AlignmentEquation />}
      figure={<Selections />}
      more={
        <>
          <p>
            So the anchors spread: how many regions keep one at least, and how far a patch can be from one at most,
            follow from k and the region size, whatever the salience. Star discrepancy is the largest difference between
            a box's share of the kept patches and its share of the area, over all boxes from the upper left corner; 0 is
            even.
          </p>
          <p>
            The budget is the average number of visual tokens in a decoder layer, of {grid.rows * grid.columns}. Nüwa
            keeps k = {split.value.stage1} before the decoder and k₂ = {split.value.stage2} behind a second cut in its
            middle (step 5): {average.value} on average.
          </p>
        </>
      }
    >
      <p>
        Plain top-k keeps the k patches of the highest salience, wherever they lie. Nüwa first cuts the grid into
        regions: the best n patches of each are candidates, with n as small as gives k candidates, and the k best of
        these stay, the anchors.
      </p>
    </Step>
  );
}

function Selections() {
  const grid = gridOf.value;
  const both = coverings.value;
  const scores = salience.value;
  const kept = current(chosen.value)?.cells.length;
  return (
    <>
      <div class="controls">
        <Slider
          label="budget, in tokens"
          value={average.value}
          least={1}
          most={grid.rows * grid.columns}
          testId="budget"
          onValue={(value) => {
            average.value = value;
          }}
        />
        <Slider
          label="region size, in patches"
          value={regionSize.value}
          least={1}
          most={6}
          shown={`${regionSize.value} × ${regionSize.value}`}
          onValue={(value) => {
            regionSize.value = value;
          }}
        />
        <button
          type="button"
          aria-pressed={worstCase.value}
          onClick={() => {
            worstCase.value = !worstCase.value;
          }}
        >
          {worstCase.value ? "back to the scene's salience" : "show me the worst case of plain top-k"}
        </button>
        <button type="button" onClick={showContrast}>
          show a plain contrast
        </button>
      </div>
      <p>
        Kept by method A ({methodA.value}) of this scene before the decoder:{" "}
        <output data-testid="kept-count-a">{kept ?? "…"}</output> patches. Both figures keep k = {stage1Budget.value}
        {regionSize.value !== 2 && "; the other steps use regions of 2 × 2"}.
      </p>
      <Candidates />
      {worstCase.value && <WorstCase />}
      <div class="pair">
        <Selection title="Separation and alignment (Nüwa)" covering={both?.aligned} />
        <Selection title="Plain top-k" covering={both?.top} />
      </div>
      {scores && (
        <HeatScale
          what={worstCase.value ? "made-up salience" : "salience"}
          least={Math.min(...Array.from(scores))}
          most={Math.max(...Array.from(scores))}
        />
      )}
      <ul class="legend">
        <li>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <Kept cx={12} cy={12} />
          </svg>
          kept
        </li>
        <li>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path class="empty" d="M2 2 22 22M22 2 2 22" />
          </svg>
          region without a kept patch
        </li>
        <li>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <rect class="far" x={4} y={4} width={16} height={16} />
          </svg>
          farthest patch, with a line to the nearest kept one
        </li>
      </ul>
      {both && <Measures {...both} />}
      <Guarantee />
      <Waiting of={worstCase.value ? worstSalience.value : seen.value} />
    </>
  );
}

/** A budget and regions with k = 2 for each region: then every region keeps two, whatever the salience. */
function showContrast(): void {
  batch(() => {
    average.value = 18;
    regionSize.value = 3;
    worstCase.value = false;
  });
}

function WorstCase() {
  const grid = gridOf.value;
  return (
    <p>
      This salience is made up: it grows with the distance from one corner. No scores at all leave a patch of this{" "}
      {grid.rows} × {grid.columns} grid farther from what plain top-k keeps. Nüwa is shown the same salience.
    </p>
  );
}

function Selection({ title, covering }: { readonly title: string; readonly covering?: Covering }) {
  const grid = gridOf.value;
  const { width, height } = sizeOf(grid);
  const scores = salience.value;
  const colours = scores && scaled(scores);
  return (
    <Figure
      {...{ title, width, height }}
      caption={<p>{`${title}: ${covering?.cells.length ?? "…"} of ${grid.rows * grid.columns}`}</p>}
      interactive
    >
      {!worstCase.value && <EditedScene side={width} />}
      <CellGrid
        grid={grid}
        label={title}
        opacity={worstCase.value ? 1 : 0.8}
        fill={(cell) => colours && heat(colours[cell])}
        onPoint={point}
        say={(cell) => (covering?.cells.includes(cell) ? "kept" : "dropped")}
      />
      <g pointer-events="none">
        <RegionLines />
        {covering && <CoveringDrawing covering={covering} />}
        <PointedCell grid={grid} />
      </g>
    </Figure>
  );
}

function RegionLines() {
  const grid = gridOf.value;
  const { width, height } = sizeOf(grid);
  const step = regionSize.value * CELL;
  const lines = (end: number) => Array.from({ length: Math.ceil(end / step) - 1 }, (_, i) => (i + 1) * step);
  const path = [...lines(width).map((x) => `M${x} 0V${height}`), ...lines(height).map((y) => `M0 ${y}H${width}`)];
  return <path d={path.join("")} fill="none" stroke="#fff" stroke-width={2} stroke-opacity={0.8} />;
}

function CoveringDrawing({ covering: { cells, empty, farthest, coverage } }: { readonly covering: Covering }) {
  const grid = gridOf.value;
  const [far, near] = farthest.map((cell) => middleOf(cell, grid));
  const { x, y } = placeOf(farthest[0], grid);
  const line = { x1: far.cx, y1: far.cy, x2: near.cx, y2: near.cy };
  return (
    <>
      <path class="empty below" d={empty.map((region) => crossOver(region)).join("")} />
      <path class="empty" d={empty.map((region) => crossOver(region)).join("")} />
      {cells.map((cell) => (
        <Kept key={cell} {...middleOf(cell, grid)} />
      ))}
      {coverage.radius > 0 && (
        <>
          <line {...line} stroke="#000" stroke-width={7} />
          <line {...line} stroke="#fff" stroke-width={3} />
          <rect x={x + 5} y={y + 5} width={CELL - 10} height={CELL - 10} class="far" />
        </>
      )}
    </>
  );
}

/** A patch that is kept. */
function Kept({ cx, cy }: { readonly cx: number; readonly cy: number }) {
  return <circle {...{ cx, cy }} r={9} fill="#fff" stroke="#000" stroke-width={3} />;
}

/** A cross over a region. */
function crossOver(region: readonly number[]): string {
  const grid = gridOf.value;
  const [first, last] = [placeOf(region[0], grid), placeOf(region[region.length - 1], grid)];
  const [left, top, right, bottom] = [first.x + 6, first.y + 6, last.x + CELL - 6, last.y + CELL - 6];
  return `M${left} ${top}L${right} ${bottom}M${right} ${top}L${left} ${bottom}`;
}
