import "./own-pruner.css";
import { useRef } from "preact/hooks";
import { mark } from "../../../../src/eval/tasks/marking.ts";
import { type Truth, truthOf } from "../../../../src/world/reading.ts";
import { Waiting } from "../controls.tsx";
import { sizeOf } from "../figures/cell-grid.tsx";
import { Figure } from "../figures/figure.tsx";
import { BoxKey, Kept } from "../figures/kept.tsx";
import { address } from "../links.tsx";
import type { Told } from "../model/protocol.ts";
import { Editor } from "../sandbox/editor.tsx";
import { ADDRESS_LIMIT, EXAMPLES, isLong } from "../sandbox/examples.ts";
import { LawReport } from "../sandbox/law-report.tsx";
import {
  isOfAnother,
  type OwnRun,
  ownRun,
  running,
  runProgram,
  shownLines,
  shownRun,
  stopProgram,
} from "../sandbox/runs.ts";
import { current } from "../state/live.ts";
import {
  answerA,
  answerB,
  answerUnpruned,
  average,
  client,
  facts,
  methodA,
  methodB,
  program,
  question,
  scene,
} from "../state/state.ts";
import { Step } from "../step.tsx";
import { PrunerEquation } from "./equations-5-to-7.tsx";
import { Numbers } from "./numbers.tsx";

/** Runs a program; Back leads to each that was run. */
function run(text: string): void {
  runProgram(text);
  address.endEntry();
}

/** Step 7: a pruner that the reader writes. */
export function OwnPrunerStep() {
  const textOf = useRef(() => program.value);
  return (
    <Step
      number={7}
      title="Your own pruner"
      sources={["src/methods/method.ts", "src/laws/all.ts", "src/laws/judge.ts", "docs/write-a-method.md"]}
      equation={<PrunerEquation />}
      more={
        <>
          <p>
            It gets <code>attention</code> (of the class token, summed over heads) and <code>keyNorms</code>, a number
            for each patch in raster order, <code>likeness</code>, for each patch a row of cosines of its features with
            all patches' (A of Eq. 5), <code>grid</code> with its <code>rows</code> and <code>columns</code>, and{" "}
            <code>keep</code>, how many patches to keep: the budget, {average.value} now, in all layers, since nothing
            is cut later. Methods with a second cut keep more at first. Patch 0 is at the upper left.
          </p>
          <p>
            It is written in TypeScript or JavaScript, begins with <code>export default</code>, and runs in an
            interpreter that has neither a network nor this page, for 2 seconds and 32 MiB at most. The last 20 lines of{" "}
            <code>console.log</code> on the scene stand below the editor. A pruner may have good reasons to break some
            laws: top-k keeps the highest scores and leaves regions uncovered.
          </p>
          <p>
            It runs behind the vision tower and before the first layer of the decoder; what it keeps enters as it is,
            with the ids of the unpruned model. In the project a method is an object that makes such a function for a
            model, has a budget and says what it needs, and whose inputs are tensors of several images:
            docs/write-a-method.md, below, writes top-k so and tries the same laws by <code>nuwa laws</code>.
          </p>
        </>
      }
      figure={
        <>
          <div class="controls run-bar">
            <span id="examples-label">begin with</span>
            <fieldset aria-labelledby="examples-label">
              {EXAMPLES.map(({ name, said, program: text }) => (
                <button
                  key={name}
                  type="button"
                  aria-pressed={program.value === text}
                  onClick={() => {
                    program.value = text;
                  }}
                >
                  {said}
                </button>
              ))}
            </fieldset>
          </div>
          <Editor describedBy="editor-keys" textOf={textOf} onRun={run} />
          <p class="waiting" id="editor-keys">
            Tab indents; Escape and then Tab leaves the editor. Control or Command with Enter runs.
            {isLong(program.value) &&
              ` This program takes more than ${ADDRESS_LIMIT} characters of an address, and does not stand in it.`}
          </p>
          <div class="controls run-bar">
            <button
              type="button"
              data-testid="run-editor"
              disabled={!client.value}
              onClick={() => run(textOf.current())}
            >
              run
            </button>
            <button type="button" disabled={!running.value} onClick={stopProgram}>
              stop
            </button>
          </div>
          <Waiting of={ownRun.value} />
          {shownLines.value.length > 0 && (
            <pre class="printed" data-testid="printed">
              {shownLines.value.join("\n")}
            </pre>
          )}
          <Result />
          <LawReport />
        </>
      }
    >
      <p>
        A pruner is a function: it gets numbers of each patch and how many to keep, and returns the raster indices of
        those that stay, in any order. Its answer stands beside those of methods A and B, and then laws are tried on it.
        A law that is broken shows the smallest case that breaks it.
      </p>
    </Step>
  );
}

function Result() {
  const grid = facts.value?.grid;
  const value = shownRun.value;
  if (isOfAnother.value && !running.value)
    return <p class="waiting">The program has changed since it was run. Run it to see what it does now.</p>;
  if (!value || !grid) return null;
  const { told } = value;
  const isOld = value.scene !== scene.value || value.question !== question.value || value.average !== average.value;
  const drawn = { ...scene.value, ...value.scene };
  const truth = truthOf(drawn, value.question);
  // What the methods say of another scene is no comparison.
  const others = isOld ? [] : [columnOf("A", methodA, answerA), columnOf("B", methodB, answerB)];
  return (
    <div class={isOld ? "own-result old" : "own-result"}>
      <p class="own-verdict">
        <b>Your pruner: {verdictOn(told, truth)}.</b> {value.question}
      </p>
      {isOld && (
        <p class="waiting">
          This is of a scene, a question or a budget before the last change. Run it again to compare.
        </p>
      )}
      <div class="own-figure">
        <Figure title="What your pruner keeps" {...sizeOf(grid)} caption={<p>{keptInWords(value)}</p>}>
          <Kept
            scene={value.scene}
            grid={grid}
            tokens={told.tokens}
            layers={facts.value?.layers ?? 0}
            boxes={[
              { kind: "truth", box: truth?.box },
              { kind: "unpruned", box: isOld ? undefined : current(answerUnpruned.value)?.box },
              { kind: "pruned", box: told.box },
            ]}
          />
        </Figure>
        <BoxKey kinds={isOld ? ["truth", "pruned"] : ["truth", "unpruned", "pruned"]} />
      </div>
      <Numbers
        scene={drawn}
        question={value.question}
        unpruned={isOld ? null : answerUnpruned.value}
        columns={[{ name: "yours", answer: { value: told, busy: false }, testId: "answer-own" }, ...others]}
      />
    </div>
  );
}

const columnOf = (letter: string, method: typeof methodA, answer: typeof answerA) => ({
  name: `${letter}: ${method.value}`,
  answer: answer.value,
});

/** `right, IoU 0.59` */
function verdictOn({ text }: Told, truth: Truth | undefined): string {
  if (!truth) return "the page cannot check the answer to this question";
  const { correct, iou } = mark(truth, text);
  return `${correct ? "right" : "wrong"}${iou === null ? "" : `, IoU ${iou.toFixed(2)}`}`;
}

function keptInWords({ told, average: asked }: OwnRun): string {
  const count = told.tokens.length;
  const other = count === asked ? "" : `, though it was asked for ${asked}`;
  return `It keeps ${count} of ${told.total} patches${other}. It answers “${told.text}”.`;
}
