import type { Mutation } from "./mutation.ts";

const scope = "methods/scope.ts";
const holov = "methods/holov.ts";
const vispruner = "methods/vispruner.ts";
const cdpruner = "methods/cdpruner.ts";

/** Mistakes in the peers that cut before the decoder, of 2025 and later; they belong to the area of methods. */
export const NEWER_PEERS: readonly Mutation[] = [
  {
    what: "SCOPE: similarity, not what is new of it",
    file: scope,
    from: "Math.max(0, cosines[patch * total + i] - covered[i])",
    to: "Math.max(0, cosines[patch * total + i])",
  },
  {
    what: "SCOPE: old scores are taken for new ones",
    file: scope,
    from: "while (top.round < chosen.length) {",
    to: "while (top.round < 0) {",
  },
  {
    what: "SCOPE: patches that add nothing in raster order",
    file: scope,
    from: "saliency[b.patch] - saliency[a.patch] || a.patch - b.patch",
    to: "a.patch - b.patch",
  },
  {
    what: "HoloV: what is left goes to the crops of least worth",
    file: holov,
    from: "const order = best([...parts.keys()], parts, parts.length);",
    to: "const order = best([...parts.keys()], parts, parts.length).reverse();",
  },
  {
    what: "HoloV: each crop's own scale in the paper's reading, too",
    file: holov,
    from: "return runs.map((run) => mean(run, attention) + scale * mean(run, diversity));",
    to: "return runs.map((run) => mean(run, attention) + (scale && mean(run, attention)));",
  },
  {
    what: "HoloV: a crop may be given more than it holds",
    file: holov,
    from: "Math.min(sizes[crop], Math.floor(count * part))",
    to: "Math.floor(count * part)",
  },
  {
    what: "VisPruner: the least alike are dropped",
    file: vispruner,
    from: "even.length).slice(dropped);",
    to: "even.length).slice(0, even.length - dropped);",
  },
  {
    what: "VisPruner: odd places stand before even ones",
    file: vispruner,
    from: "left = [...places.map((place) => even[place]), ...odd, ...left.slice(paired)];",
    to: "left = [...odd, ...places.map((place) => even[place]), ...left.slice(paired)];",
  },
  {
    what: "VisPruner: nine are dropped at once",
    file: vispruner,
    from: "DROPPED_AT_ONCE = 8",
    to: "DROPPED_AT_ONCE = 9",
  },
  {
    what: "CDPruner: quality counts once, not for row and column",
    file: cdpruner,
    from: "gains[i] = distance[i] > IN_SPAN ? quality[i] ** 2 * distance[i] : 0;",
    to: "gains[i] = distance[i] > IN_SPAN ? quality[i] * distance[i] : 0;",
  },
  {
    what: "CDPruner: tokens in the span go on as rounding has them",
    file: cdpruner,
    from: "const IN_SPAN = 1e-10;",
    to: "const IN_SPAN = 0;",
  },
  {
    what: "CDPruner: equally relevant tokens are divided by zero",
    file: cdpruner,
    from: "(most > least ? (value - least + LEAST) / (most - least) : 1)",
    to: "(value - least + LEAST) / (most - least)",
  },
  {
    what: "CDPruner: text in front of the image, too",
    file: cdpruner,
    from: "const after = textBehind(slots);",
    to: 'const after = indicesOf(slots, "text");',
  },
];
