import type { Estimate } from "../../../../src/eval/score/bootstrap.ts";
import { Figure } from "../figures/figure.tsx";
import { type GroupMean, Mark, meanInWords, SCATTER_SIZE, Scatter, type Who } from "../figures/scatter.tsx";
import { client, gridOf, methodA, methodB } from "../state/state.ts";
import { CopyNumbers } from "./copy-numbers.tsx";
import {
  BUDGETS,
  goOnSweep,
  SCENES,
  type SweepPoint,
  stopSweep,
  sweepDifferences,
  sweepDone,
  sweepGoal,
  sweepMeans,
  sweepOwn,
  sweepPoints,
  sweepProblem,
  sweepRunning,
} from "./sweep.ts";

/** Many scenes under both methods, while one watches. */
export function SweepFigure() {
  const [points, done, goal] = [sweepPoints.value, sweepDone.value, sweepGoal.value];
  const running = sweepRunning.value;
  const { rows, columns } = gridOf.value;
  const whole = rows * columns;
  const means = sweepMeans.value;
  const begin = done === 0 ? `ask about ${SCENES} scenes` : done < goal ? "go on" : `${SCENES} scenes more`;
  return (
    <section class="sweep" aria-label="many scenes">
      <div class="controls">
        <button type="button" disabled={!client.value} onClick={() => (running ? stopSweep() : goOnSweep())}>
          {running ? "stop" : begin}
        </button>
        {goal > 0 && (
          <span class="control">
            <progress value={done} max={goal} aria-label="scenes asked about" />
            <span aria-live="polite">
              {done} of {goal} scenes
            </span>
          </span>
        )}
        <label class="control">
          <input
            type="checkbox"
            checked={sweepOwn.value}
            onChange={({ currentTarget }) => {
              sweepOwn.value = currentTarget.checked;
            }}
          />
          with your pruner of step 7
        </label>
      </div>
      {sweepProblem.value !== undefined && (
        <p class="problem" role="alert">
          {sweepProblem.value}
        </p>
      )}
      <Figure
        title="Visual tokens and fit of the box, over many scenes"
        {...SCATTER_SIZE}
        caption={<Caption done={done} />}
      >
        <Scatter
          points={points}
          means={means}
          ticks={[...BUDGETS, whole]}
          xLabel="visual tokens, mean of the layers"
          yLabel="IoU with the true box"
        />
      </Figure>
      <ul class="key marks">
        <Key who="a" said={`A: ${methodA.value}`} />
        <Key who="b" said={`B: ${methodB.value}`} />
        {sweepOwn.value && <Key who="yours" said="yours" />}
        <Key who="none" said="unpruned" />
      </ul>
      {done > 0 && <Means means={means} points={points} />}
      {done > 0 && <CopyNumbers key={points.length} />}
    </section>
  );
}

function Caption({ done }: { readonly done: number }) {
  const scenes = `the same ${done} ${done === 1 ? "scene" : "scenes"}`;
  return (
    <p>
      Faint marks: one answer each. Large marks: means over {done > 0 ? scenes : "the same scenes"} at every budget and
      for every method, each with its 95 % interval (scenes drawn anew from these, 1000 times). Where intervals overlap,
      the plot shows no winner; the list below compares A and B scene by scene.
    </p>
  );
}

function Key({ who, said }: { readonly who: Who; readonly said: string }) {
  return (
    <li class={who}>
      <svg viewBox="-12 -8 24 16" aria-hidden="true">
        <Mark who={who} size={6} />
      </svg>
      {said}
    </li>
  );
}

interface MeansProps {
  readonly means: Readonly<Record<Who, readonly GroupMean[]>>;
  readonly points: readonly SweepPoint[];
}

/** The means in numbers, and by how much the methods differ on the same scenes. */
function Means({ means, points }: MeansProps) {
  const at = (who: Who, budget: number) => means[who].find(({ group }) => group === budget);
  const differences = sweepDifferences.value;
  const count = means.none[0]?.count ?? 0;
  const cell = (mean: GroupMean | undefined) => (mean ? meanInWords(mean) : "…");
  return (
    <>
      <table class="numbers">
        <caption>
          Mean IoU of the same {count} {count === 1 ? "scene" : "scenes"}, with 95 % intervals. Unpruned:{" "}
          {cell(means.none[0])}.
        </caption>
        <thead>
          <tr>
            <th scope="col">budget, tokens</th>
            <th scope="col">A: {methodA.value}</th>
            <th scope="col">B: {methodB.value}</th>
            {sweepOwn.value && <th scope="col">yours</th>}
          </tr>
        </thead>
        <tbody>
          {BUDGETS.map((budget) => (
            <tr key={budget}>
              <th scope="row">{budget}</th>
              <td>{cell(at("a", budget))}</td>
              <td>{cell(at("b", budget))}</td>
              {sweepOwn.value && <td>{cell(at("yours", budget))}</td>}
            </tr>
          ))}
        </tbody>
      </table>
      <p class="differences">By how much the boxes of A fit better than those of B, scene by scene:</p>
      <ul class="differences">
        {BUDGETS.map((budget, i) => (
          <li key={budget}>
            {budget} tokens: {differences[i] && differenceInWords(differences[i], count)}
          </li>
        ))}
      </ul>
      <p class="differences">
        Operations of the prefill at {BUDGETS.join(", ")} tokens, as shares of the unpruned model's: A{" "}
        {operationsInWords(points, "a")}; B {operationsInWords(points, "b")}.
      </p>
    </>
  );
}

function differenceInWords({ score, low, high }: Estimate, count: number): string {
  const winner = low > 0 ? "A fits better" : high < 0 ? "B fits better" : "undecided";
  const told = count < ENOUGH ? "too few scenes to tell" : winner;
  // Resamples of one scene are all alike.
  const interval = count > 1 ? ` (${signed(low)} to ${signed(high)})` : "";
  return `${signed(score)}${interval}: ${told}`;
}

/** Scenes below which an interval from resampling is too narrow to tell anything. */
const ENOUGH = 10;

const signed = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

function operationsInWords(points: readonly SweepPoint[], who: Who): string {
  const shares = BUDGETS.map((budget) => {
    const own = points.filter((point) => point.who === who && point.group === budget);
    return Math.round((100 * own.reduce((sum, { operations }) => sum + operations, 0)) / own.length);
  });
  return `${shares.join(", ")} %`;
}
