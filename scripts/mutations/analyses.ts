import type { Mutation } from "./mutation.ts";

const entropy = "analysis/entropy.ts";
const flow = "analysis/flow.ts";
const gradient = "analysis/gradient-flow.ts";
const lens = "analysis/lens.ts";
const blocking = "analysis/blocking.ts";
const patching = "analysis/patching.ts";
const cohesion = "analysis/cohesion.ts";
const norms = "analysis/norms.ts";
const positions = "analysis/positions.ts";
const provenance = "analysis/provenance.ts";
const provenanceView = "view/measures/provenance.ts";
const answerAttention = "analysis/answer-attention.ts";
const continuing = "pipeline/continue.ts";
const cutting = "pipeline/cutting.ts";
const groups = "cli/inspect/groups.ts";
const apart = "cli/apart.ts";
const used = "cli/inspect/command.ts";
const mirror = "model/mirrored.ts";
const mirrorNext = "model/llava-next/mirrored.ts";
const mirrorQwen = "model/qwen2_5-vl/mirrored.ts";
const subject = "cli/inspect/subject.ts";
const verdicts = "view/verdict.ts";
const explore = "cli/ask/explore.ts";
const scores = "view/cut-scores.ts";
const svg = "view/svg.ts";
const html = "view/report.ts";
const heat = "view/plots/heat.ts";
const panel = "view/plots/panel.ts";
const shares = "view/plots/shares.ts";
const strip = "view/attention-strip.ts";
const sceneFile = "world/scene-file.ts";

/** Mistakes in what is measured inside a pass, and in how it is drawn and written. */
export const ANALYSES: readonly Mutation[] = [
  {
    what: "tower entropy: the class token is a patch",
    file: entropy,
    from: "mean.slice([0, prefixTokens, prefixTokens])",
    to: "mean.slice([0, 0, 0], [-1, rows - prefixTokens, columns - prefixTokens])",
  },
  {
    what: "tower entropy: patches look at themselves, too",
    file: entropy,
    from: "others[row++ * width + own] = 0",
    to: "others[row++ * width + own] = 1",
  },
  { what: "decoder entropy: each token sees itself", file: entropy, from: "Number(j < i)", to: "Number(j <= i)" },
  {
    what: "decoder entropy: the first token is counted",
    file: entropy,
    from: ".div(visual.length - 1)",
    to: ".div(visual.length)",
  },
  { what: "entropy in nats", file: entropy, from: ".div(-Math.LN2)", to: ".neg()" },
  {
    what: "flow: sums, not means over who looks",
    file: flow,
    from: "members.div(sizes), attention",
    to: "members, attention",
  },
  {
    what: "gradient flow: ReLU behind the mean over heads",
    file: gradient,
    from: "tf.relu(attention.mul(ofAttention)).mean(1)",
    to: "tf.relu(attention.mul(ofAttention).mean(1))",
  },
  {
    what: "gradient flow: the gradient alone",
    file: gradient,
    from: "tf.relu(attention.mul(ofAttention))",
    to: "tf.relu(ofAttention)",
  },
  {
    what: "gradient flow: every layer from the last state's slope",
    file: gradient,
    from: "slope = before;",
    to: "slope = behind.clone(); before.dispose();",
  },
  {
    what: "lens: tokens by their row in the sequence",
    file: lens,
    from: "{ row, number: slot.row }",
    to: '{ row, number: row - slots[t].findIndex((one) => one?.kind === "visual") }',
  },
  {
    what: "lens: each part is the first",
    file: lens,
    from: "visual.slice(start, start + atATime)",
    to: "visual.slice(0, atATime)",
  },
  {
    what: "lens: what a part found is written from the first token on",
    file: lens,
    from: "part.forEach(({ number }, i) => {",
    to: "part.forEach((_, i) => { const { number } = visual[i];",
  },
  {
    what: "lens: equal scores beat the next token",
    file: lens,
    from: "value > values[token]",
    to: "value >= values[token]",
  },
  {
    what: "lens: the last state's sequence read a row early",
    file: lens,
    from: "[lastIndex(slots)]",
    to: "[lastIndex(slots) - 1]",
  },
  {
    what: "blocking: visual tokens do not see themselves",
    file: blocking,
    from: "for (const j of rows.visual) if (i !== j) values",
    to: "for (const j of rows.visual) values",
  },
  {
    what: "blocking: the sequence of another layer",
    file: blocking,
    from: "maskOf(slots[from + i], segment)",
    to: "maskOf(slots[from], segment)",
  },
  {
    what: "patching: all heads",
    file: patching,
    from: "Number(heads.includes(head))",
    to: "Number(heads.length > 0 && head >= 0)",
  },
  {
    what: "patching: rows by their number, not by what stands there",
    file: patching,
    from: "wanted.has(name) && row !== undefined ? [{ own, other: row }]",
    to: "wanted.has(name) && row !== undefined ? [{ own, other: Math.min(own, other.length - 1) }]",
  },
  {
    what: "patching: text counted from the start, not from the image",
    file: patching,
    from: "behind++",
    to: "row + 0 * behind++",
  },
  {
    what: "patching: effects by the other run's logit",
    file: patching,
    from: "values[token] - own)",
    to: "values[token] - other.logits[token])",
  },
  {
    what: "cohesion: edges of the box are outside",
    file: cohesion,
    from: "x0 <= x && x <= x1",
    to: "x0 < x && x < x1",
  },
  {
    what: "cohesion: the middle mirrored",
    file: cohesion,
    from: "Math.floor((columns * (x0 + x1)) / 2)",
    to: "Math.floor((columns * (2 - x0 - x1)) / 2)",
  },
  {
    what: "cohesion: products, not cosines",
    file: cohesion,
    from: "dot(units[middle], unit)",
    to: "dot(vectors[middle], vectors[i])",
  },
  {
    what: "cohesion: the share of the box, not of both",
    file: cohesion,
    from: "both / (2 * inBox.length - both)",
    to: "both / inBox.length",
  },
  {
    what: "cohesion: every state of the tower is the first",
    file: cohesion,
    from: "grid.meanState(state, state)",
    to: "grid.meanState(0, state)",
  },
  {
    what: "norms: the smallest, not the largest",
    file: norms,
    from: "best(patches, norms, count)",
    to: "best(patches, norms.map((norm) => -norm), count)",
  },
  { what: "norms: rounded down", file: norms, from: "TOP_SHARE * patches + 0.5", to: "TOP_SHARE * patches" },
  {
    what: "positions: the divergence the other way round",
    file: positions,
    from: "divergence(unpruned.logits, logits)",
    to: "divergence(logits, unpruned.logits)",
  },
  { what: "positions: the divergence in nats", file: positions, from: " / Math.LN2)", to: ")" },
  {
    what: "provenance: the smallest weight first",
    file: provenance,
    from: "b.weight - a.weight",
    to: "a.weight - b.weight",
  },
  {
    what: "provenance: cells counted through all grids",
    file: provenance,
    from: "cell: at - starts[grid]",
    to: "cell: at",
  },
  {
    what: "provenance of one token: of a later grid on the first",
    file: provenanceView,
    from: "row[starts[grid] + cell] = weight",
    to: "row[starts[0] + cell] = weight",
  },
  {
    what: "provenance: a token is there behind its last layer",
    file: provenance,
    from: "layer >= layers)",
    to: "layer > layers)",
  },
  {
    what: "answer attention: the first row, not the last",
    file: answerAttention,
    from: "[0, 0, queries - 1, 0]",
    to: "[0, 0, 0, 0]",
  },
  {
    what: "answer attention: the first head alone",
    file: answerAttention,
    from: "[1, heads, 1, length]",
    to: "[1, heads > 0 ? 1 : 0, 1, length]",
  },
  {
    what: "going on from a layer: the cut behind it is forgotten",
    file: continuing,
    from: "one.layer === layer + 1",
    to: "one.layer === layer + 1 && false",
  },
  {
    what: "going on from a layer: its sequence is the first layer's",
    file: continuing,
    from: "const { sequence } = pass.state.layers[layer];",
    to: "const { sequence } = pass.state.layers[Math.min(layer, 0)];",
  },
  {
    what: "cut: made tokens are numbered as those before",
    file: cutting,
    from: "sum + made[sample].length, 0)",
    to: "sum + 0 * made[sample].length, 0)",
  },
  {
    what: "patching map: rows and columns of the grid swapped",
    file: groups,
    from: "start + line * grid.columns",
    to: "start + line * grid.rows",
  },
  {
    what: "patching: the picture upside down for mirrored",
    file: subject,
    from: "3 * (y * width + (width - 1 - x))",
    to: "3 * ((height - 1 - y) * width + x)",
  },
  {
    what: "mirrored pixels: the lines as they are",
    file: mirror,
    from: "values[opposite(at, width)]",
    to: "values[at]",
  },
  {
    what: "mirrored pixels of Qwen: cells keep their places",
    file: mirrorQwen,
    from: "opposite(cell, columns / merge)",
    to: "cell",
  },
  {
    what: "mirrored pixels of Qwen: patches keep their places in a cell",
    file: mirrorQwen,
    from: "opposite(inCell, merge)",
    to: "inCell",
  },
  {
    what: "mirrored pixels of LLaVA-NeXT: tiles keep their places",
    file: mirrorNext,
    from: "1 + opposite(tile - 1, columns)",
    to: "tile + 0 * opposite(tile - 1, columns)",
  },
  { what: "verdict: half an overlap is a moved box", file: verdicts, from: "overlap >= 0.5", to: "overlap > 0.9" },
  {
    what: "verdict: a box without an area is a box",
    file: verdicts,
    from: "x0 >= x1 || y0 >= y1",
    to: "x0 > x1 && y0 > y1",
  },
  {
    what: "explore: averages below the one that was run",
    file: explore,
    from: "tokens > entered + 0.5",
    to: "tokens > entered / 4",
  },
  { what: "explore: goes on where the answer holds", file: explore, from: "if (one.holds) break;", to: "" },
  {
    what: "scores of cuts: those of other images, too",
    file: scores,
    from: "slot.image === visit.images?.[0]",
    to: "slot.image >= 0",
  },
  { what: "markup is not escaped", file: svg, from: '/[&<>"]/g', to: '/[&>"]/g' },
  { what: "quotes are not escaped", file: svg, from: '/[&<>"]/g', to: "/[&<>]/g" },
  {
    what: "report: the command is not escaped",
    file: html,
    from: "escapedLines(command)",
    to: "command",
  },
  {
    what: "report: cells of a table are not escaped",
    file: html,
    from: "escaped(text)}</span>",
    to: "text}</span>",
  },
  {
    what: "report: its policy allows all",
    file: html,
    from: "default-src 'none'; img-src data:",
    to: "default-src *; img-src data:",
  },
  {
    what: "report: numbers are not escaped",
    file: html,
    from: "escapedLines(json)}</pre></details>",
    to: "json}</pre></details>",
  },
  { what: "heat: a word is not escaped", file: heat, from: "escaped(cut)", to: "cut" },
  {
    what: "heat: rows and columns swapped in the place of a cell",
    file: heat,
    from: "{ x: left + x * cell.width, y: top + y * cell.height }",
    to: "{ x: left + y * cell.width, y: top + x * cell.height }",
  },
  {
    what: "heat: signed values from the least to the largest",
    file: heat,
    from: "signed ? -most :",
    to: "signed ? Math.min(...known) :",
  },
  {
    what: "heat: the scale runs the other way",
    file: heat,
    from: "(i + 0.5) / SCALE_STEPS",
    to: "(SCALE_STEPS - i - 0.5) / SCALE_STEPS",
  },
  { what: "plots: titles are not escaped", file: panel, from: "escaped(title)", to: "title" },
  {
    what: "shares: the legend's colours the other way round",
    file: shares,
    from: "range: legend.map(({ colour }) => colour)",
    to: "range: legend.map(({ colour }) => colour).reverse()",
  },
  {
    what: "film strip: each frame on its own scale",
    file: strip,
    from: "const weights = attention.flatMap((layer) => [...layer.weights]);",
    to: "const weights = [...attention[0].weights];",
  },
  {
    what: "film strip: the share of the first token alone",
    file: strip,
    from: "layer.weights.reduce((sum, weight) => sum + weight, 0)",
    to: "layer.weights.reduce((sum, weight) => Math.max(sum, weight), 0)",
  },
  {
    what: "film strip: later grids begin at the first cell",
    file: strip,
    from: "laid.grid, starts[i], spread)",
    to: "laid.grid, starts[0], spread)",
  },
  { what: "scene: any picture is the scene that it names", file: sceneFile, from: "> MOST_DIFFERENT", to: "> 255" },
  {
    what: "scene: seeds without an end",
    file: sceneFile,
    from: "Number(seed) >= SEEDS_PER_SPLIT",
    to: "Number(seed) >= 2 * SEEDS_PER_SPLIT",
  },
  {
    what: "tower entropy: the class token is one of the patches that bound it",
    file: entropy,
    from: "(shape[2] as number) - prefixTokens",
    to: "shape[2] as number",
  },
  {
    what: "cohesion: of a tower that merges",
    file: cohesion,
    from: 'requirePatches("cohesion", grid);',
    to: "",
  },
  { what: "outputs: a link is another file", file: apart, from: "return realpathSync(whole)", to: "return whole" },
  {
    what: "outputs: may take the place of what is read",
    file: apart,
    from: "new Map(inputs.filter(given)",
    to: "new Map(inputs.filter((one) => !given(one))",
  },
  {
    what: "inspect: a box that no measure looks at",
    file: used,
    from: 'box !== undefined && !names.includes("cohesion")',
    to: "box !== undefined && names.length === 0",
  },
  {
    what: "drawing: what a cut made of dropped tokens is dropped",
    file: "view/drawing/stages-panel.ts",
    from: "tokens.filter((token) => token.layers === layers));",
    to: "tokens.filter((token) => token.layers === layers && token.firstLayer === 0));",
  },
  {
    what: "drawing: a mixture without a cell is not drawn where others have the same cells",
    file: "view/drawing/shown-tokens.ts",
    from: "areDrawn ? placeless : []",
    to: "[]",
  },
  {
    what: "drawing: the legend counts a mixture drawn by lines as not drawn",
    file: "view/drawing/shown-tokens.ts",
    from: "token.cell < 0 && !drawn.has(token)",
    to: "token.cell < 0",
  },
  {
    what: "drawing: the pruned box lies over the others",
    file: "view/drawing/boxes.ts",
    from: "const frames = LINES.flatMap(",
    to: "const frames = LINES.toReversed().flatMap(",
  },
  {
    what: "drawing: the only score has the colour of the least",
    file: "view/drawing/grid-panels.ts",
    from: "largest === least ? 1 :",
    to: "largest === least ? 0 :",
  },
  {
    what: "panels: values of another grid are drawn",
    file: "view/panels.ts",
    from: "if (values && values.length !== cells)",
    to: "if (values && values.length > cells)",
  },
  {
    what: "panels: a cell without a value has the colour of the least",
    file: "view/panels.ts",
    from: "cellsWhere(on.grid, (cell) => !known.has(cell))",
    to: "cellsWhere(on.grid, () => false)",
  },
];
