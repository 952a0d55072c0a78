import { FAMILIES, type Family } from "../world/question.ts";

/**
 * The tasks over the world's questions: those answered by a word, and those answered by a box (what
 * VQA benchmarks and the RefCOCO family are to a photograph model).
 */
export const TASKS = {
  "shapes-vqa": FAMILIES.filter((family) => family !== "grounding"),
  "shapes-grounding": ["grounding"],
} as const satisfies Record<string, readonly Family[]>;

/** A key of {@link TASKS}. */
export type Task = keyof typeof TASKS;

/** Names of all tasks. */
export const TASK_NAMES = Object.keys(TASKS) as readonly Task[];

/** The task that asks questions of a family. */
export function taskOf(family: Family): Task {
  return family === "grounding" ? "shapes-grounding" : "shapes-vqa";
}
