import "./own-pruner.css";
import { useRef } from "preact/hooks";
import { truthOf } from "../../../../src/world/reading.ts";
import { Waiting } from "../controls.tsx";
import { sizeOf } from "../figures/cell-grid.tsx";
import { Figure } from "../figures/figure.tsx";
import { BoxKey, Kept } from "../figures/kept.tsx";
import { Editor } from "../sandbox/editor.tsx";
import { ADDRESS_LIMIT, EXAMPLES } from "../sandbox/examples.ts";
import { LawReport } from "../sandbox/law-report.tsx";
import { ownRun, running, runProgram, stopProgram } from "../sandbox/runs.ts";
import { average, client, facts, program, question, scene } from "../state/state.ts";
import { Step } from "../step.tsx";
import { PrunerEquation } from "./equations-5-to-7.tsx";

/** Step 7: a pruner that the reader writes. */
export function OwnPrunerStep() {
  const textOf = useRef(() => program.value);
  return (
    <Step
      number={7}
      title="Your own pruner"
      sources={["src/methods/method.ts", "src/laws/all.ts", "src/laws/judge.ts"]}
      equation={<PrunerEquation />}
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
          <Editor describedBy="editor-keys" textOf={textOf} onRun={runProgram} />
          <p class="waiting" id="editor-keys">
            Tab indents; Escape and then Tab leaves the editor. Control or Command with Enter runs.
            {program.value.length > ADDRESS_LIMIT &&
              ` This program is longer than ${ADDRESS_LIMIT} characters and does not stand in the address.`}
          </p>
          <div class="controls run-bar">
            <button
              type="button"
              data-testid="run-editor"
              disabled={!client.value}
              onClick={() => runProgram(textOf.current())}
            >
              run
            </button>
            <button type="button" disabled={!running.value} onClick={stopProgram}>
              stop
            </button>
          </div>
          <Waiting of={ownRun.value} />
          <Result />
          <LawReport />
        </>
      }
    >
      <p>
        A pruner is a function. It gets <code>attention</code> (of the class token) and <code>keyNorms</code>, a number
        for each patch in raster order, <code>grid</code> with its <code>rows</code> and <code>columns</code>, and{" "}
        <code>keep</code>, how many patches to keep: {average.value} now. It returns the raster indices of the patches
        that stay, in any order. Patch 0 is at the upper left.
      </p>
      <p>
        It is written in TypeScript or JavaScript, begins with <code>export default</code>, and runs in an interpreter
        that has neither a network nor this page, for 2 seconds and 32 MiB at most. Then it answers the question above,
        and laws are tried on it with made-up scores. A law that is broken shows the smallest case that breaks it. A
        pruner may have good reasons to break some: top-k keeps the highest scores and leaves regions uncovered.
      </p>
    </Step>
  );
}

function Result() {
  const grid = facts.value?.grid;
  const { value } = ownRun.value;
  if (!value || !grid) return null;
  const { told } = value;
  const isOld = value.scene !== scene.value || value.question !== question.value || value.average !== average.value;
  const truth = truthOf({ ...scene.value, ...value.scene }, value.question);
  return (
    <div class="own-result">
      <Figure
        title="What your pruner keeps"
        {...sizeOf(grid)}
        caption={`It keeps ${told.tokens.length} of ${told.total} patches. ${value.question} “${told.text}”`}
      >
        <Kept
          scene={value.scene}
          grid={grid}
          tokens={told.tokens}
          layers={facts.value?.layers ?? 0}
          boxes={[
            { kind: "truth", box: truth?.box },
            { kind: "pruned", box: told.box },
          ]}
        />
      </Figure>
      <BoxKey kinds={["truth", "pruned"]} />
      {isOld && <p class="waiting">The scene, the question or the budget has changed since. Run it again.</p>}
    </div>
  );
}
