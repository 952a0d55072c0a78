import type { Benchmark } from "./benchmark.ts";
import type { Scoring } from "./figures.ts";
import { SHAPES_SCORING, SHAPES_TASKS } from "./shapes.ts";

/** All benchmarks. */
export const BENCHMARKS: readonly Benchmark[] = [];

/** Names of all tasks: those over the world of shapes come first. */
export const TASK_NAMES: readonly string[] = [...Object.keys(SHAPES_TASKS), ...BENCHMARKS.map(({ name }) => name)];

/** How the answers of each task become figures. */
export const SCORING: Readonly<Record<string, Scoring>> = {
  ...SHAPES_SCORING,
  ...Object.fromEntries(BENCHMARKS.map(({ name, scoring }) => [name, scoring])),
};
