import type { Mutation } from "./mutation.ts";

const apply = "pipeline/apply.ts";
const choosing = "pipeline/choosing.ts";
const checks = "pipeline/checks.ts";
const placeholders = "pipeline/placeholders.ts";
const prefill = "pipeline/prefill.ts";
const decode = "pipeline/decode.ts";
const generate = "pipeline/generate.ts";
const prompts = "pipeline/prompts.ts";
const processor = "pipeline/processor.ts";
const answer = "pipeline/answer.ts";

/** Mistakes on the way from pixels to an answer: selections, prompts, caches, decoding, taps and what is shown. */
export const PIPELINE: readonly Mutation[] = [
  {
    what: "selection: cells of the second grid begin anew",
    file: apply,
    from: "cell < 0 ? cell : starts[grid] + cell",
    to: "cell",
  },
  {
    what: "selection: the weights of the class token for those of the first cell",
    file: apply,
    from: "weights.subarray(end - cells, end)",
    to: "weights.subarray(end - columns, end - columns + cells)",
  },
  {
    what: "selection: tokens between newlines in the method's order",
    file: apply,
    from: "order.sort((a, b) => cells[a] - cells[b] || a - b)",
    to: "order.sort((a, b) => a - b)",
  },
  {
    what: "selection: the row of a cell is its number, class token or not",
    file: apply,
    from: "(list[i] ?? list[0]) + before",
    to: "(list[i] ?? list[0])",
  },
  {
    what: "selection: rows of the next image begin at its tokens, not at the longest",
    file: apply,
    from: "start += numbers.length * longest",
    to: "start += longest",
  },
  {
    what: "made tokens: rows begin anew at each cut",
    file: "pipeline/cutting.ts",
    from: "sum + made[sample].length, 0)",
    to: "sum, 0)",
  },
  { what: "lists of taps: filled with a cell", file: apply, from: ".fill(-2)", to: ".fill(0)" },
  {
    what: "cut: attention ahead is computed for each image",
    file: choosing,
    from: "if (!ahead || ahead.from.queries.isDisposed) {",
    to: "if (layer >= 0) {",
  },
  {
    what: "cut: attention ahead is that of a scope that has ended",
    file: choosing,
    from: "if (!ahead || ahead.from.queries.isDisposed) {",
    to: "if (!ahead) {",
  },
  {
    what: "cut: attention ahead is not masked",
    file: choosing,
    from: "attentionByRows(from, placement.mask)",
    to: "attentionByRows(from, undefined)",
  },
  {
    what: "cut: the made tokens of the second image take the first's rows",
    file: choosing,
    from: "index: rows + i,",
    to: "index: i,",
  },
  {
    what: "cut: ranks of the second image count from the first's",
    file: choosing,
    from: "...own.map((rank) => ofImage[rank])",
    to: "...own",
  },
  {
    what: "checks: one cell too many is let through",
    file: checks,
    from: "cell < -1 || cell >= cells",
    to: "cell < -1 || cell > cells",
  },
  {
    what: "checks: a cell may stand twice",
    file: checks,
    from: "cell >= 0 && seen.has(cell)",
    to: "cell > 0 && seen.has(cell)",
  },
  { what: "checks: equal ranks ascend", file: checks, from: "rank <= ranks[token - 1]", to: "rank < ranks[token - 1]" },
  {
    what: "checks: infinite weights are let through",
    file: checks,
    from: "if (Number.isFinite(values[i])) continue;",
    to: "if (!Number.isNaN(values[i])) continue;",
  },
  {
    what: "checks: a new token without weights is let through",
    file: checks,
    from: "row.every((value) => value === 0)",
    to: "row.length === 0",
  },
  {
    what: "placeholders: a run of two images is one image",
    file: placeholders,
    from: "if (tokens === placeholders) return i + 1;",
    to: "if (tokens === placeholders) return 1;",
  },
  {
    what: "placeholders: the next prompt begins with the first image",
    file: placeholders,
    from: "(_, i) => next + i)",
    to: "(_, i) => i)",
  },
  {
    what: "placeholders: an image beyond the last",
    file: placeholders,
    from: "image < 0 || image >= images)",
    to: "image < 0 || image > images)",
  },
  {
    what: "prompts: the last position is refused",
    file: prompts,
    from: "if (longest <= limit) return;",
    to: "if (longest < limit) return;",
  },
  {
    what: "prompts: the id behind the vocabulary is let through",
    file: prompts,
    from: "id >= text.vocabSize",
    to: "id > text.vocabSize",
  },
  {
    what: "prompts: a class token has the id of the first patch",
    file: prompts,
    from: "offsets[cell + extraTokens]",
    to: "offsets[Math.max(0, cell)]",
  },
  {
    what: "prompts: the start token stands twice",
    file: processor,
    from: "plain[0] === first ? plain :",
    to: "plain[0] !== first ? plain :",
  },
  {
    what: "prompts: text behind an image begins anew",
    file: processor,
    from: "tokenizer.encode(part, false)]",
    to: "tokenizer.encode(part, true)]",
  },
  {
    what: "prefill: what is seen at a cut does not say before which layer",
    file: prefill,
    from: "within(tap, { sequence, layer: from })",
    to: "within(tap, { sequence })",
  },
  {
    what: "prefill: visits do not say of which pass they are",
    file: prefill,
    from: "{ step: 0, sequence: undefined, pass: {} }",
    to: "{ step: 0, sequence: undefined }",
  },
  {
    what: "prefill: logits of the last slot, padding or not",
    file: prefill,
    from: "[lastIndex(slots)]",
    to: "[slots.length - 1]",
  },
  {
    what: "prefill: a cut sees the attention of the layer before the last",
    file: prefill,
    from: "cutLayers.includes(to) ? [to - 1] : []",
    to: "cutLayers.includes(to) ? [from] : []",
  },
  { what: "prefill: cuts in the order of the methods", file: prefill, from: ".sort((a, b) => a - b);", to: ";" },
  {
    what: "decoding: visits do not say of which pass they are",
    file: decode,
    from: "within(tap, { step, pass: {} })",
    to: "within(tap, { step })",
  },
  {
    what: "decoding: logits of the first new token",
    file: decode,
    from: ".slice([0, count - 1, 0], [-1, 1, -1])",
    to: ".slice([0, 0, 0], [-1, 1, -1])",
  },
  {
    what: "generating: the end token is given out",
    file: generate,
    from: "if (ended.every(Boolean)) return;\n      yield ids.map((id, sample) => (ended[sample] ? undefined : id));",
    to: "yield ids;\n      if (ended.every(Boolean)) return;",
  },
  {
    what: "generating: one token too many",
    file: generate,
    from: "step < maxNewTokens; step++",
    to: "step <= maxNewTokens; step++",
  },
  {
    what: "generating: ends at the last end token alone",
    file: generate,
    from: "stopTokens.includes(id)",
    to: "stopTokens.at(-1) === id",
  },
  {
    what: "generating: the last position is not used",
    file: generate,
    from: "nextPosition[sample] >= positionLimit(model.config.text)",
    to: "nextPosition[sample] >= positionLimit(model.config.text) - 1",
  },
  {
    what: "sampling: the token that crosses the threshold is left out",
    file: generate,
    from: "mass < topP * total) mass += weights[count++];",
    to: "mass + weights[count] <= topP * total) mass += weights[count++];",
  },
  {
    what: "sampling: multiplied by the temperature",
    file: generate,
    from: "(logits[id] - highest) / temperature",
    to: "(logits[id] - highest) * temperature",
  },
  {
    what: "greedy: of equal logits the last",
    file: generate,
    from: "value > logits[top] ? id : top",
    to: "value >= logits[top] ? id : top",
  },
  { what: "answer: half a character is shown", file: answer, from: '!text.endsWith("\\ufffd")', to: "true" },
  {
    what: "replay: values are used one too late",
    file: "core/readback.ts",
    from: "values[next++]",
    to: "values[Math.max(0, next++ - 1)]",
  },
  {
    what: "taps: what is said at the point does not go first",
    file: "core/taps.ts",
    from: "...known, ...visit });",
    to: "...visit, ...known });",
  },
  {
    what: "taps: an image that is not there is the first",
    file: "core/taps.ts",
    from: 'image ?? "none"',
    to: "image ?? 0",
  },
  {
    what: "taps: of several cuts the first",
    file: "core/taps.ts",
    from: "met.at(-1)?.visit.layer",
    to: "met.at(0)?.visit.layer",
  },
  {
    what: "taps: a chain wants what all of its taps want",
    file: "core/taps.ts",
    from: "taps.some((one) => wants(one, name))",
    to: "taps.every((one) => wants(one, name))",
  },
  {
    what: "dump: the kept tokens pass without an image",
    file: "cli/dump.ts",
    from: "stage2|final|projector",
    to: "stage2|projector",
  },
  {
    what: "dump: a value that passed once is written twice",
    file: "cli/dump.ts",
    from: "if (met.length === 1) continue;",
    to: "",
  },
  {
    what: "forward: a tap that was not met is left out",
    file: "cli/forward.ts",
    from: "for (const name of asked) recorder.all(name);",
    to: "",
  },
  {
    what: "verdict: the pruned box for the unpruned",
    file: "view/verdict.ts",
    from: "[unpruned.boxes, pruned.boxes]",
    to: "[pruned.boxes, unpruned.boxes]",
  },
  { what: "verdict: a half is not enough", file: "view/verdict.ts", from: "overlap >= 0.5", to: "overlap > 0.5" },
];
