import type { Scoring } from "../score/figures.ts";
import type { Benchmark } from "./benchmark.ts";
import { gqa } from "./benchmarks/gqa.ts";
import { mmbench } from "./benchmarks/mmbench.ts";
import { mme } from "./benchmarks/mme.ts";
import { pope } from "./benchmarks/pope.ts";
import { refcoco, refcocog, refcocoPlus } from "./benchmarks/refcoco.ts";
import { scienceqa } from "./benchmarks/scienceqa.ts";
import { textvqa } from "./benchmarks/textvqa.ts";
import { SHAPES_SCORING, SHAPES_TASKS } from "./shapes-tasks.ts";

/** All benchmarks. */
export const BENCHMARKS: readonly Benchmark[] = [
  refcoco,
  refcocoPlus,
  refcocog,
  gqa,
  pope,
  mme,
  textvqa,
  scienceqa,
  mmbench,
];

/** Names of all tasks: those over the world of shapes come first. */
export const TASK_NAMES: readonly string[] = [...Object.keys(SHAPES_TASKS), ...BENCHMARKS.map(({ name }) => name)];

/** How the answers of each task become figures. */
export const SCORING: Readonly<Record<string, Scoring>> = {
  ...SHAPES_SCORING,
  ...Object.fromEntries(BENCHMARKS.map(({ name, scoring }) => [name, scoring])),
};
