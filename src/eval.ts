/** Scoring pruning methods on tasks: what `nuwa eval` is made of. */

export { type Catalogue, REGISTRY } from "./eval/run/catalogue.ts";
export { CONTROLS, type Control, type Run } from "./eval/run/controls.ts";
export { type EvaluationObserver, evaluate } from "./eval/run/evaluate.ts";
export { type Journal, type JournalOptions, openJournal } from "./eval/run/journal.ts";
export { mergeShards } from "./eval/run/merge.ts";
export { type Batch, batchesOf, type Plan, parseShard, type Shard, shardOf } from "./eval/run/plan.ts";
export { type Sample, settingKey } from "./eval/run/sample.ts";
export { type Choices, runOf, type Setting, settingsOf } from "./eval/run/settings.ts";
export { summarise } from "./eval/score/summary.ts";
export { summaryTable } from "./eval/score/summary-table.ts";
export type { Item } from "./eval/tasks/item.ts";
export { TASK_NAMES } from "./eval/tasks/tasks.ts";
