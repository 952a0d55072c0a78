import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { coverageBounds } from "../../../../src/analysis/bounds.ts";
import { prepareWasm } from "../../../../src/backend/wasm/prepare.ts";
import { LAWS } from "../../../../src/laws/all.ts";
import { lawsFor } from "../../../../src/laws/judge.ts";
import { DISTANCE_FRACTION, distanceThreshold } from "../../../../src/methods/nuwa/aggregation.ts";
import { createPruning } from "../../../../src/methods/registry.ts";
import { openVlm } from "./checkpoint.ts";
import { createEngine, type Engine, pruningFor } from "./engine.ts";
import { methodOf } from "./own-pruner.ts";
import type { CheckpointFiles, LoadedFacts, Reply, Request, TaskName, Tasks, ToldVerdict } from "./protocol.ts";

/* The model of the page, in a worker, so that the page never waits for it. */

type Handlers = {
  [Name in TaskName]: (given: Tasks[Name]["given"]) => Tasks[Name]["back"] | Promise<Tasks[Name]["back"]>;
};

let engine: Engine | undefined;

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

/** A law on a program; null behind the last one. */
function judge(program: string, law: number): ToldVerdict | null {
  if (law >= LAWS.length) return null;
  const [judged] = lawsFor(methodOf(program), { law: LAWS[law].sentence, runs: 60 });
  const { sentence, status, tries, broken } = judged.judge();
  const { grid, scores } = (broken?.smallest ?? {}) as Partial<{
    grid: { rows: number; columns: number };
    scores: number[];
  }>;
  return {
    ...{ sentence, status, tries },
    broken: broken && { message: broken.message, picture: broken.picture, grid, scores: scores && [...scores] },
  };
}

const HANDLERS: Handlers = {
  load,
  see: ({ scene }) => loaded().see(scene),
  choose: ({ scene, question, setting }) => loaded().choose(scene, question, setting),
  ask: ({ scene, question, setting, watch = false }) =>
    loaded().ask(scene, question, pruningFor(loaded().vlm, setting), watch),
  bounds: ({ keep, regionSize }) => {
    const { grid } = loaded().facts;
    const { coveredRegions, radius } = coverageBounds(grid, { keep, regionSize });
    // With a single region alignment is plain top-k.
    const top = coverageBounds(grid, { keep, regionSize: Math.max(grid.rows, grid.columns) });
    return { coveredRegions: coveredRegions.value, radius: radius.value, worstForTop: top.radius.witness };
  },
  reach: ({ fraction = DISTANCE_FRACTION }) => ({
    fraction,
    patches: distanceThreshold(loaded().facts.grid, fraction),
  }),
  unknown: ({ question }) => loaded().unknown(question),
  run: ({ scene, question, average, program }) => {
    const { vlm, ask } = loaded();
    const pruning = createPruning(methodOf(program), vlm.model.config, { average: { tokens: average } });
    return ask(scene, question, pruning, false);
  },
  judge: ({ program, law }) => judge(program, law),
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
