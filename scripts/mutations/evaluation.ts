import type { Mutation } from "./mutation.ts";

const bootstrap = "eval/score/bootstrap.ts";
const summary = "eval/score/summary.ts";
const difference = "eval/score/difference.ts";
const figures = "eval/score/figures.ts";
const merge = "eval/run/merge.ts";
const plan = "eval/run/plan.ts";
const controls = "eval/run/controls.ts";
const missed = "eval/run/missed-average.ts";
const marking = "eval/tasks/marking.ts";
const benchmarks = "eval/tasks/benchmarks";
const coverage = "analysis/coverage.ts";
const attribution = "analysis/attribution.ts";
const bounds = "analysis/bounds.ts";
const meter = "analysis/cost/meter.ts";
const paper = "analysis/cost/paper.ts";

/** Mistakes in marks, intervals and sums of evaluations, and in what is measured of a run. */
export const EVALUATION: readonly Mutation[] = [
  {
    what: "bootstrap: the interval of 90 %",
    file: bootstrap,
    from: "0.025 * figures.length",
    to: "0.05 * figures.length",
  },
  {
    what: "bootstrap: the upper end is one too high",
    file: bootstrap,
    from: "Math.ceil(0.975 * figures.length) - 1",
    to: "Math.ceil(0.975 * figures.length)",
  },
  {
    what: "bootstrap: questions, not scenes, of one scene less",
    file: bootstrap,
    from: "draw < groups.length; draw++",
    to: "draw < groups.length - 1; draw++",
  },
  {
    what: "bootstrap: the last group is never drawn",
    file: bootstrap,
    from: "Math.floor(random() * groups.length)",
    to: "Math.floor(random() * (groups.length - 1))",
  },
  {
    what: "bootstrap: empty draws count",
    file: bootstrap,
    from: "if (!Number.isNaN(value)) figures.push(value);",
    to: "figures.push(Number.isNaN(value) ? 0 : value);",
  },
  {
    what: "bootstrap: figures sorted as texts",
    file: bootstrap,
    from: "figures.sort((a, b) => a - b);",
    to: "figures.sort();",
  },
  {
    what: "summary: what is kept of a figure is a difference",
    file: summary,
    from: "row.score / base",
    to: "row.score - base",
  },
  {
    what: "summary: a pool has the members of its task",
    file: summary,
    from: "members.includes(sample.family)",
    to: "members.length > 0",
  },
  {
    what: "summary: groups of scenes that were asked alone",
    file: summary,
    from: "scenes.get(sceneSpace(task)) as string[]",
    to: "[...new Set(members.map(({ scene }) => String(scene)))]",
  },
  {
    what: "difference: the first less the first",
    file: difference,
    from: "figure.score(sums.slice(width))",
    to: "figure.score(sums.slice(0, width))",
  },
  {
    what: "difference: pairs are not of the same question",
    file: difference,
    from: "a.some((key, i) => key !== b[i])",
    to: "a[0] !== b[0]",
  },
  {
    what: "figures: an overlap of just the threshold is none",
    file: figures,
    from: "Number(iou(sample) >= threshold)",
    to: "Number(iou(sample) > threshold)",
  },
  {
    what: "figures: a threshold is 0.75",
    file: figures,
    from: "[0.1, 0.3, 0.5, 0.7, 0.9]",
    to: "[0.1, 0.3, 0.5, 0.75, 0.9]",
  },
  {
    what: "merge: the last shard may be missing",
    file: merge,
    from: "Array.from({ length: first.count }, (_, i) => i + 1)",
    to: "Array.from({ length: first.count }, (_, i) => i)",
  },
  {
    what: "merge: answers in the order of the folders",
    file: merge,
    from: ".sort((a, b) => a.batch - b.batch)",
    to: "",
  },
  {
    what: "merge: a shard may lack answers",
    file: merge,
    from: "samples.length < answers",
    to: "samples.length > answers",
  },
  { what: "shards: counted from 0", file: plan, from: "number % count === index - 1", to: "number % count === index" },
  { what: "limit: one scene too many", file: plan, from: "seen.size < limit", to: "seen.size <= limit" },
  {
    what: "controls: halved positions are rounded up",
    file: controls,
    from: "start + Math.floor(offset / 2)",
    to: "start + Math.ceil(offset / 2)",
  },
  { what: "controls: permuted by no seed", file: controls, from: "mixedRandom(seed)", to: "mixedRandom(0)" },
  { what: "averages: a tenth off is kept to", file: missed, from: "asked / 100", to: "asked / 10" },
  {
    what: "marks: a box that overlaps just a half is wrong",
    file: marking,
    from: "correct: iou >= 0.5",
    to: "correct: iou > 0.5",
  },
  {
    what: "marks: the centre is looked for along x alone",
    file: marking,
    from: "x <= box[2] && y >= box[1] && y <= box[3]",
    to: "x <= box[2]",
  },
  {
    what: "marks: capital letters count",
    file: marking,
    from: "said.trim().toLowerCase() === answer.toLowerCase()",
    to: "said.trim() === answer",
  },
  {
    what: "MME: no more points for both",
    file: `${benchmarks}/mme.ts`,
    from: "right === 2 ? 100 : 0",
    to: "right === 2 ? 0 : 0",
  },
  {
    what: "MME: the mean of the categories, not their sum",
    file: `${benchmarks}/mme.ts`,
    from: "return averages.reduce((sum, average) => sum + average, 0);",
    to: "return averages.reduce((sum, average) => sum + average, 0) / averages.length;",
  },
  {
    what: "POPE: precision and recall swapped",
    file: `${benchmarks}/pope.ts`,
    from: "score: ([right, wrong]) => share(right, wrong) }",
    to: "score: ([right, , missed]) => share(right, missed) }",
  },
  {
    what: "POPE: F1 counts hits once",
    file: `${benchmarks}/pope.ts`,
    from: "share(2 * right, wrong + missed)",
    to: "share(right, wrong + missed)",
  },
  {
    what: "MMBench: one rotation is enough",
    file: `${benchmarks}/mmbench.ts`,
    from: "rows.every(({ correct }) => correct)",
    to: "rows.some(({ correct }) => correct)",
  },
  {
    what: "MMBench: rotations are other questions",
    file: `${benchmarks}/mmbench.ts`,
    from: "scene: Number(index) % ROTATION",
    to: "scene: Number(index)",
  },
  {
    what: "RefCOCO: width and height are edges",
    file: `${benchmarks}/refcoco.ts`,
    from: "(x + w) / width, (y + h) / height",
    to: "w / width, h / height",
  },
  {
    what: "RefCOCO: training references, too",
    file: `${benchmarks}/refcoco.ts`,
    from: 'split !== "train"',
    to: 'split !== ""',
  },
  { what: "answers: articles count", file: `${benchmarks}/evalai.ts`, from: '["a", "an", "the"]', to: '["an", "the"]' },
  {
    what: "answers: points between digits are lost",
    file: `${benchmarks}/evalai.ts`,
    from: "raw`\\.(?!$",
    to: "raw`\\.(?=$",
  },
  {
    what: "coverage: distances from above alone",
    file: coverage,
    from: "for (const order of [1, -1])",
    to: "for (const order of [1, 1])",
  },
  {
    what: "coverage: the mean of squared distances",
    file: coverage,
    from: "sum + Math.sqrt(square), 0) / squares.length",
    to: "sum + square, 0) / squares.length",
  },
  {
    what: "coverage: the discrepancy has a sign",
    file: coverage,
    from: "Math.abs(above[x] * total - x * y * anchors.length)",
    to: "above[x] * total - x * y * anchors.length",
  },
  {
    what: "coverage: gaps of rows are gaps of columns",
    file: coverage,
    from: "rowGap: longestGap(anchors, grid.rows, (p) => Math.floor(p / grid.columns))",
    to: "rowGap: longestGap(anchors, grid.columns, (p) => p % grid.columns)",
  },
  {
    what: "bounds: the fewest regions by the smallest",
    file: bounds,
    from: "b.length - a.length",
    to: "a.length - b.length",
  },
  {
    what: "bounds: a gap is one line longer",
    file: bounds,
    from: "lineOf(p) >= start + length",
    to: "lineOf(p) > start + length",
  },
  {
    what: "attribution: gradients at the left ends of the steps",
    file: attribution,
    from: "(step + 0.5) / steps",
    to: "step / steps",
  },
  {
    what: "attribution: the sum, not the mean, of the gradients",
    file: attribution,
    from: "sum.div<tf.Tensor3D>(steps)",
    to: "sum.div<tf.Tensor3D>(1)",
  },
  {
    what: "attribution: from the picture to itself",
    file: attribution,
    from: "features.mean<tf.Tensor3D>(1, true).tile([1, total, 1])",
    to: "features.mean<tf.Tensor3D>(2, true).tile([1, 1, features.shape[2]])",
  },
  {
    what: "attribution: contributions by the weights' signs",
    file: attribution,
    from: "patches: through.sum(1)",
    to: "patches: through.abs().sum(1)",
  },
  {
    what: "attribution: the residual against the picture's logit alone",
    file: attribution,
    from: "residual: total - (reached - baselineLogit)",
    to: "residual: total - reached",
  },
  {
    what: "cost: a multiplication without its addition",
    file: meter,
    from: "return 2 * output.size *",
    to: "return output.size *",
  },
  {
    what: "cost: the wrong inner size of a transposed product",
    file: meter,
    from: "a.rank - (transposeA ? 2 : 1)",
    to: "a.rank - (transposeA ? 1 : 1)",
  },
  { what: "cost: dot products count once", file: meter, from: "count(2 * length)", to: "count(length)" },
  { what: "cost: caches of keys alone", file: meter, from: "(keys|values)$", to: "keys$" },
  {
    what: "cost: choosing in a cut is the decoder's",
    file: "analysis/cost/parts.ts",
    from: '[/^llm\\.\\d+\\.output$/, "selection"]',
    to: '[/^llm\\.\\d+\\.output$/, "decoder"]',
  },
  {
    what: "the paper's cost: two projections, not four",
    file: paper,
    from: "8 * tokens * hiddenSize ** 2",
    to: "4 * tokens * hiddenSize ** 2",
  },
  {
    what: "the paper's cost: attention grows with the tokens",
    file: paper,
    from: "4 * tokens ** 2 * hiddenSize",
    to: "4 * tokens * hiddenSize",
  },
  {
    what: "the paper's cache: of all heads of the queries",
    file: paper,
    from: "2 * numKeyValueHeads * headDim * 4",
    to: "numKeyValueHeads * headDim * 4",
  },
  {
    what: "the paper's overhead: pairs are counted once",
    file: "analysis/cost/overhead.ts",
    from: "compared ** 2 * visionHiddenSize",
    to: "compared * visionHiddenSize",
  },
];
