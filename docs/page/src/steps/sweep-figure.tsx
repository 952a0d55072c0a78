import { Figure } from "../figures/figure.tsx";
import { Mark, SCATTER_SIZE, Scatter, type Who } from "../figures/scatter.tsx";
import { client, gridOf, methodA, methodB } from "../state/state.ts";
import {
  BUDGETS,
  goOnSweep,
  SCENES,
  type SweepPoint,
  stopSweep,
  sweepDone,
  sweepGoal,
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
      </div>
      {sweepProblem.value !== undefined && (
        <p class="problem" role="alert">
          {sweepProblem.value}
        </p>
      )}
      <Figure
        title="Visual tokens and fit of the box, over many scenes"
        {...SCATTER_SIZE}
        caption={
          "Small marks: one answer each. Large marks: means of the scenes with one budget, five in the first 20. " +
          "Budgets have other scenes than one another; methods have the same."
        }
      >
        <Scatter
          points={points}
          ticks={[...BUDGETS, whole]}
          xLabel="visual tokens, mean of the layers"
          yLabel="IoU with the true box"
        />
      </Figure>
      <ul class="key marks">
        <Key who="a" said={`A: ${methodA.value}`} />
        <Key who="b" said={`B: ${methodB.value}`} />
        <Key who="none" said="unpruned" />
      </ul>
    </section>
  );
}

function Key({ who, said }: { readonly who: Who; readonly said: string }) {
  const own = sweepPoints.value.filter((point) => point.who === who);
  const mean = (of: (point: SweepPoint) => number) => own.reduce((sum, point) => sum + of(point), 0) / own.length;
  const saved = who === "none" ? "" : `, ${Math.round(100 * mean((point) => point.saved))} % of the operations saved`;
  return (
    <li class={who}>
      <svg viewBox="-12 -8 24 16" aria-hidden="true">
        <Mark who={who} size={6} />
      </svg>
      {said}
      {own.length > 0 && `: mean IoU ${mean(({ y }) => y).toFixed(2)}${saved}`}
    </li>
  );
}
