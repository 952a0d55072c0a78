import "./compare.css";
import { truthOf } from "../../../../src/world/reading.ts";
import { Choice, Waiting } from "../controls.tsx";
import { sizeOf } from "../figures/cell-grid.tsx";
import { Figure } from "../figures/figure.tsx";
import { BoxKey, Kept } from "../figures/kept.tsx";
import type { Told } from "../model/protocol.ts";
import type { Live } from "../state/live.ts";
import { answerA, answerB, answerUnpruned, average, facts, methodA, methodB, question, scene } from "../state/state.ts";
import { Step } from "../step.tsx";
import { OverlapEquation } from "./equations-5-to-7.tsx";
import { Numbers } from "./numbers.tsx";
import { SweepFigure } from "./sweep-figure.tsx";

/** Step 6: two methods side by side. */
export function Compare() {
  // Until the worker has said which methods there are, the choices show those that are chosen.
  const names = facts.value?.methods.map(({ name }) => name) ?? [...new Set([methodA.value, methodB.value])];
  return (
    <Step
      number={6}
      title="Two methods side by side"
      sources={["src/methods/registry.ts", "src/world/reading.ts", "src/analysis/cost/meter.ts"]}
      equation={<OverlapEquation />}
      more={
        <p>
          One scene proves little. The plot asks where something is in 20 other scenes (1000 to 1019 of the test split,
          one question each), each of them unpruned and under both methods at budgets of 8, 16, 32 and 64 tokens, and
          shows how well the boxes fit as fewer tokens are left. An answer that is no box counts as 0. Another method,
          reading or constant begins the plot anew.
        </p>
      }
      figure={
        <>
          <p class="question-shown">{question.value}</p>
          <div class="panes">
            <Pane letter="A" method={methodA} answer={answerA.value} names={names} testId="method-a" />
            <Pane letter="B" method={methodB} answer={answerB.value} names={names} testId="method-b" />
          </div>
          <BoxKey kinds={["truth", "unpruned", "pruned"]} />
          <Numbers
            scene={scene.value}
            question={question.value}
            unpruned={answerUnpruned.value}
            columns={[
              { name: `A: ${methodA.value}`, answer: answerA.value },
              { name: `B: ${methodB.value}`, answer: answerB.value, testId: "answer-b" },
            ]}
          />
          <p class="waiting">
            Operations are those of the whole prefill, a multiplication and an addition being two: the vision tower and
            the text cost the same however many tokens are dropped in the decoder, so half of the tokens is more than
            half of the operations.
          </p>
          <Waiting of={answerUnpruned.value} />
          <SweepFigure />
        </>
      }
    >
      <p>
        Two methods get the same scene, the same question and the same budget of {average.value} tokens. A patch that is
        darkened has no token; one with a line through it is dropped inside the decoder. A box counts as right where its
        intersection over union (IoU) with the true box is a half or more.
      </p>
    </Step>
  );
}

interface PaneProps {
  readonly letter: string;
  readonly method: typeof methodA;
  readonly answer: Live<Told>;
  readonly names: readonly string[];
  readonly testId: string;
}

function Pane({ letter, method, answer, names, testId }: PaneProps) {
  const grid = facts.value?.grid ?? { rows: 12, columns: 12 };
  const told = answer.value;
  const summary = facts.value?.methods.find(({ name }) => name === method.value)?.summary;
  return (
    <div class="pane">
      <Choice label={`method ${letter}`} chosen={method} names={names} testId={testId} />
      <Figure title={`What ${method.value} keeps (${letter})`} {...sizeOf(grid)} caption={summary}>
        <Kept
          scene={scene.value}
          grid={grid}
          tokens={told?.tokens}
          layers={facts.value?.layers ?? 0}
          boxes={[
            { kind: "truth", box: truthOf(scene.value, question.value)?.box },
            { kind: "unpruned", box: answerUnpruned.value.value?.box, old: answerUnpruned.value.old },
            { kind: "pruned", box: told?.box, old: answer.old },
          ]}
          old={answer.old}
        />
      </Figure>
      <Waiting of={answer} />
    </div>
  );
}
