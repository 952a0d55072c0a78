import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { coverageGuarantee } from "../../../../src/analysis/bounds.ts";
import { prepareWasm } from "../../../../src/backend/wasm/prepare.ts";
import { DISTANCE_FRACTION, distanceThreshold } from "../../../../src/methods/nuwa/aggregation.ts";
import { createPruning } from "../../../../src/methods/registry.ts";
import { type Interpreter, loadInterpreter, type OpenProgram } from "../sandbox/interpreter.ts";
import { judge, SENTENCES } from "../sandbox/judging.ts";
import { openVlm } from "./checkpoint.ts";
import { createEngine, type Engine, pruningFor } from "./engine.ts";
import { methodOf } from "./own-pruner.ts";
import type { CheckpointFiles, LoadedFacts, Reply, Request, TaskName, Tasks } from "./protocol.ts";

/* The model of the page, in a worker, so that the page never waits for it. */

type Handlers = {
  [Name in TaskName]: (given: Tasks[Name]["given"]) => Tasks[Name]["back"] | Promise<Tasks[Name]["back"]>;
};

let engine: Engine | undefined;
let interpreter: Interpreter | undefined;

function loaded(): Engine {
  if (!engine) throw new Error("the model is not loaded.");
  return engine;
}

async function load(files: CheckpointFiles): Promise<LoadedFacts> {
  const wasm = URL.createObjectURL(new Blob([files.wasm], { type: "application/wasm" }));
  // One program for all: every browser in use has SIMD, and threads need headers that a static host may not send.
  setWasmPaths({
    "tfjs-backend-wasm.wasm": wasm,
    "tfjs-backend-wasm-simd.wasm": wasm,
    "tfjs-backend-wasm-threaded-simd.wasm": wasm,
  });
  await prepareWasm();
  URL.revokeObjectURL(wasm);
  engine = createEngine(openVlm(files), "wasm");
  return engine.facts;
}

/** Opens a reader's program for one task. */
async function withProgram<T>(program: string, work: (opened: OpenProgram) => T | Promise<T>): Promise<T> {
  if (!interpreter) throw new Error("there is nothing that runs programs.");
  const opened = await interpreter.open(program);
  try {
    return await work(opened);
  } finally {
    opened.dispose();
  }
}

const HANDLERS: Handlers = {
  load,
  see: ({ scene }) => loaded().see(scene),
  choose: ({ scene, question, setting }) => loaded().choose(scene, question, setting),
  ask: ({ scene, question, setting, watch = false }) =>
    loaded().ask(scene, question, pruningFor(loaded().vlm, setting), watch),
  bounds: ({ keep, regionSize }) => {
    const { grid } = loaded().facts;
    const { coveredRegions, radius } = coverageGuarantee(grid, { keep, regionSize });
    return { coveredRegions: coveredRegions.value, radius: radius.value };
  },
  worst: ({ keep }) => {
    const { grid } = loaded().facts;
    // With a single region alignment is plain top-k.
    return coverageGuarantee(grid, { keep, regionSize: Math.max(grid.rows, grid.columns) }).radius.witness;
  },
  reach: ({ fraction = DISTANCE_FRACTION }) => ({
    fraction,
    patches: distanceThreshold(loaded().facts.grid, fraction),
  }),
  unknown: ({ question }) => loaded().unknown(question),
  async interpret({ wasm }) {
    interpreter = await loadInterpreter(wasm);
    return null;
  },
  run: ({ scene, question, average, program }) =>
    withProgram(program, async ({ call, printed }) => {
      const { vlm, ask } = loaded();
      const pruning = createPruning(methodOf(call), vlm.model.config, { average: { tokens: average } });
      try {
        return { told: await ask(scene, question, pruning, false), printed: printed() };
      } catch (error) {
        // What it printed tells most where it failed.
        return { problem: error instanceof Error ? error.message : String(error), printed: printed() };
      }
    }),
  laws: () => SENTENCES,
  judge: ({ program, law }) => withProgram(program, (opened) => judge(opened, law)),
  tensors: () => tf.memory().numTensors,
};

self.addEventListener("message", async ({ data }: MessageEvent<Request>) => {
  const { id, task, given } = data;
  const reply = (content: Reply) => self.postMessage(content);
  try {
    reply({ id, back: await HANDLERS[task](given as never) });
  } catch (error) {
    reply({ id, problem: error instanceof Error ? error.message : String(error) });
  }
});
