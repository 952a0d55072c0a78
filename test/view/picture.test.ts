import sharp from "sharp";
import { describe, expect, it } from "vitest";
import type { Picture } from "../../src/core/resample.ts";
import type { SampleLedger, VisualToken } from "../../src/methods/ledger.ts";
import type { GridPicture } from "../../src/model/preprocessing.ts";
import { renderPng } from "../../src/view/drawing/png.ts";
import { drawRun, type RunDrawing } from "../../src/view/picture.ts";
import { areasOf, badIds, misplaced, viewBox, wordsOf } from "./support.ts";

/** A picture of one level of grey, by which it is found again. */
function grey(width: number, height: number, level: number, more: Partial<GridPicture> = {}): GridPicture {
  const pixels = new Uint8Array(width * height * 3).fill(level);
  return { width, height, cellName: "patches", pixels, ...more };
}

/** A token that stays to the end of four layers, unless said otherwise. */
function token(cell: number, more: Partial<VisualToken> = {}): VisualToken {
  return {
    ...{ image: 0, cell, position: [0], pillar: undefined, weights: undefined, firstLayer: 0, layers: 4 },
    ...more,
  };
}

/** Weights of six cells. */
function row(entries: Readonly<Record<number, number>>, cells = 6): Float32Array {
  return Float32Array.from({ length: cells }, (_, cell) => entries[cell] ?? 0);
}

function ledgerOf(tokens: readonly VisualToken[], grids = [{ rows: 2, columns: 3 }]): SampleLedger {
  const total = grids.reduce((sum, grid) => sum + grid.rows * grid.columns, 0);
  return { images: [{ grids, extraTokens: 0 }], total, textTokens: 3, layers: 4, tokens };
}

const ROLES = ledgerOf([
  token(0, { pillar: true }),
  token(2, { pillar: false, weights: row({ 2: 1, 1: 0.25, 5: 0.125 }), layers: 2 }),
  token(4, { pillar: false, weights: row({ 4: 1, 3: 0.5 }) }),
]);
const SEEN = grey(30, 20, 90);
const NUWA: RunDrawing = {
  images: [{ grids: [SEEN] }],
  ledger: ROLES,
  question: 'Where is <the> "ring" & who\'s there?\u0007',
  answers: {
    method: "nuwa",
    pruned: { text: "[0.5, 0.25, 1, 0.75]", box: [0.5, 0.25, 1, 0.75] },
    unpruned: { text: "[0.5, 0.25, 1, 0.8]", box: [0.5, 0.25, 1, 0.8] },
  },
  truth: { text: "right", box: [0, 0, 1, 1] },
  scores: [
    {
      layer: 2,
      scores: new Map([
        [0, 0.5],
        [1, 0.001],
        [2, 0.25],
      ]),
    },
  ],
  regionSize: 2,
};
/** Mixtures made before the decoder, a class token, and two mixtures made inside it. */
const MIXED = ledgerOf([
  token(1, { weights: row({ 0: 0.5, 1: 0.5 }), layers: 1 }),
  token(4, { weights: row({ 3: 0.5, 4: 0.5 }) }),
  token(-1),
  token(-1, { weights: row({ 0: 0.5, 2: 0.5 }), firstLayer: 1 }),
]);

const count = (svg: string, name: string) => svg.split(`class="${name}"`).length - 1;

describe("the picture of a run", () => {
  it("shows question, answers, boxes, roles, regions, weights, scores and layers, each with its words", async () => {
    const svg = await drawRun(NUWA);
    const words = wordsOf(svg);
    for (const text of [
      "true: right",
      "unpruned: [0.5, 0.25, 1, 0.8]",
      "nuwa: [0.5, 0.25, 1, 0.75]",
      "Before the decoder: 3 of 6 patches",
      "1 pillar: only themselves",
      "2 collectors: with what lies around",
      "regions of 2×2",
      "What collector 2 is made of",
      "itself (row 2, column 2), weight 1",
      "Scores of the cut before layer 2",
      "2 of 3 stay",
      "In the last layer: 2 of 6 patches",
      "Visual tokens entering each of 4 layers",
      "6 unpruned",
    ])
      expect(words).toContain(text);
    // One in the picture, one in the legend.
    expect(["truth", "unpruned", "pruned"].map((kind) => count(svg, `box-${kind}`))).toEqual([2, 2, 2]);
    expect(count(svg, "regions")).toBe(1);
    expect(count(svg, "pillar")).toBe(1 + 1 + 1 + 1);
    expect(count(svg, "bar")).toBe(4);
    // One weight beside the collector's own, three scores.
    expect(count(svg, "heat")).toBe(1 + 3);
  });

  it("shows the lines of all boxes where they agree: narrower ones and their gaps above wider ones", async () => {
    const box = [0.5, 0.25, 1, 0.75] as const;
    const same = { text: "same", box: [...box] as [number, number, number, number] };
    const svg = await drawRun({
      ...NUWA,
      answers: { method: "nuwa", pruned: same, unpruned: same },
      truth: same,
    });
    const lines = [
      ...svg.matchAll(/<rect [^>]*class="box-(\w+)"[^>]*stroke-width="([\d.]+)"[^>]*dasharray="([^"]+)"/g),
    ];
    expect(lines.map(([, kind]) => kind)).toEqual(["pruned", "unpruned", "truth"]);
    const widths = lines.map(([, , width]) => Number(width));
    expect(widths).toEqual([...widths].sort((a, b) => b - a));
    expect(lines.map(([, , , dashes]) => dashes === "none")).toEqual([true, false, false]);
    // No light border lies on a line.
    const borders = [...svg.matchAll(/<rect [^>]*fill="none" stroke="#ffffff"/g)].map(({ index }) => index);
    expect(borders).toHaveLength(3);
    expect(Math.max(...borders)).toBeLessThan(lines[0].index);
  });

  it("says the one score instead of a scale where all scores are equal, in the colour of the largest", async () => {
    const single = new Map([[0, 0.246]]);
    const equal = new Map([
      [0, 0.5],
      [2, 0.5],
    ]);
    const svg = await drawRun({
      ...NUWA,
      scores: [
        { layer: 2, scores: single },
        { layer: 3, scores: equal },
      ],
    });
    const words = wordsOf(svg);
    expect(words).toContain("its score: 0.246");
    expect(words).toContain("all scores: 0.5");
    expect(badIds(svg)).toEqual([]);
    expect(svg).not.toContain("-scores-");
    // The largest weight of the collector's panel has this colour, too.
    const colours = [...svg.matchAll(/class="heat"[^>]*fill="([^"]+)"/g)].map(([, fill]) => fill);
    expect(new Set(colours)).toHaveProperty("size", 1);
  });

  it("escapes what others have written", async () => {
    const svg = await drawRun(NUWA);
    expect(svg).toContain("Where is &lt;the&gt; &quot;ring&quot; &amp; who's there?\\x07");
    expect(svg).not.toContain("<the>");
    const evil = await drawRun({ ...NUWA, answers: { method: "</text><script>", pruned: { text: "]]>&\ud800" } } });
    expect(evil).not.toContain("<script");
    await renderPng(evil); // parses it
  });

  it("says nothing of what it does not draw", async () => {
    const plain = await drawRun({
      images: [{ grids: [SEEN] }],
      ledger: ledgerOf([0, 1, 2, 3, 4, 5].map((cell) => token(cell))),
    });
    const words = wordsOf(plain);
    for (const text of [
      "pillar",
      "collector",
      "regions",
      "not kept",
      "Scores",
      "made of",
      "nuwa",
      "last layer",
      "place",
    ])
      expect(words).not.toContain(text);
    expect(count(plain, "veil")).toBe(0);
  });

  it("draws mixtures as what they are made of, and those made inside the decoder apart", async () => {
    const svg = await drawRun({ images: [{ grids: [SEEN] }], ledger: MIXED });
    const words = wordsOf(svg);
    expect(words).toContain("Before the decoder: 3 tokens of 6 patches");
    expect(words).toContain("2 tokens made of several patches, to which lines lead");
    expect(words).toContain("1 class token: has no place, not drawn here");
    expect(words).toContain("1 token made anew of dropped ones, to which lines lead");
    // Of the first: from cells 0 and 1, at 49.33 and 148, to cell 1.
    expect(svg).toContain("M49.33 49.33L148 49.33");
    // The new one stands in the middle of cells 0 and 2.
    expect(svg).toContain("M246.67 49.33L148 49.33");
  });

  it("shows tokens whose cells are shared with others by their weights, those without a place each by itself", async () => {
    const shared = ledgerOf([
      token(1, { weights: row({ 1: 1, 2: 0.9 }) }),
      token(-1, { weights: row({ 2: 0.25, 3: 0.5 }) }),
    ]);
    const words = wordsOf(await drawRun({ images: [{ grids: [SEEN] }], ledger: shared }));
    expect(words).toContain("kept, 1 of them mixed with other patches");
    expect(words).toContain("What token 0 is made of");
    expect(words).toContain("What token 1 is made of");
    expect(words).toContain("It has no place of its own.");
    expect(words).toContain("1 token made of many: has no place, see “What token 1 is made of”");
  });

  it("shows the tokens that are asked for, and refuses one that is a patch alone", async () => {
    const words = wordsOf(await drawRun({ ...NUWA, chosen: [1] }));
    expect(words).toContain("What collector 1 is made of");
    expect(words).not.toContain("What collector 2 is made of");
    const both = await drawRun({ ...NUWA, chosen: [1, 2] });
    expect(wordsOf(both)).toContain("What collector 2 is made of");
    expect([misplaced(both), badIds(both)]).toEqual([[], []]);
    await expect(drawRun({ ...NUWA, chosen: [1, 0] })).rejects.toThrow(/^token 0 is none of/);
    await expect(drawRun({ ...NUWA, chosen: [9] })).rejects.toThrow(/^token 9 is none of/);
  });

  it("shows tokens made inside the decoder in the layer in which they begin, also where the last has others", async () => {
    const ledger = ledgerOf([
      token(0),
      token(3, { layers: 1 }),
      token(4, { layers: 1 }),
      token(-1, { weights: row({ 3: 0.5, 4: 0.5 }), firstLayer: 1, layers: 2 }),
      token(-1, { weights: row({ 3: 0.5, 4: 0.5 }), firstLayer: 2 }),
    ]);
    const svg = await drawRun({ images: [{ grids: [SEEN] }], ledger });
    const words = wordsOf(svg);
    expect(words).toContain("Entering layer 1: 2 tokens of 6 patches");
    // What enters layer 2 is what the last layer shows.
    expect(words).not.toContain("Entering layer 2");
    expect(words.split("1 token made anew of dropped ones")).toHaveLength(3);
    expect([misplaced(svg), badIds(svg)]).toEqual([[], []]);
  });

  it("draws every grid of every image, and boxes only where they mean one image", async () => {
    const grids = [
      { rows: 2, columns: 3 },
      { rows: 4, columns: 2 },
    ];
    const ledger = {
      ...ledgerOf([token(1), token(7, { image: 1 }), token(-1, { image: 1 })], grids),
      images: [
        { grids: grids.slice(0, 1), extraTokens: 0 },
        { grids, extraTokens: 1 },
      ],
    };
    const tiles = [grey(20, 20, 20, { gridName: "base image" }), grey(20, 40, 30, { gridName: "local tiles" })];
    const svg = await drawRun({ ...NUWA, images: [{ grids: [SEEN] }, { grids: tiles }], ledger, scores: [] });
    const words = wordsOf(svg);
    for (const text of [
      "Image 1",
      "Image 2",
      "base image. Before the decoder: 1 token of 6",
      "local tiles. Before the decoder: 1 of 8",
    ])
      expect(words).toContain(text);
    expect(count(svg, "box-pruned")).toBe(0);
    expect([misplaced(svg), badIds(svg)]).toEqual([[], []]);
  });

  it("lays no text on another one, on a picture or outside, whatever is asked and answered", async () => {
    const long = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen".repeat(3);
    const asked = { ...NUWA, question: `${long} ${"why? ".repeat(200)}`, truth: { text: long } };
    for (const svg of await Promise.all(
      [NUWA, asked, { ...NUWA, ledger: MIXED, scores: [] }].map((run) => drawRun(run)),
    )) {
      expect(areasOf(svg).texts.length).toBeGreaterThan(10);
      expect(misplaced(svg)).toEqual([]);
      expect(badIds(svg)).toEqual([]);
    }
  });

  it("has ids of its own where another drawing stands in the same page", async () => {
    const [one, two] = await Promise.all(["a-", "b-"].map((idPrefix) => drawRun({ ...NUWA, idPrefix })));
    expect(badIds(one + two)).toEqual([]);
  });

  it("is rendered at two pixels a unit", async () => {
    const svg = await drawRun(NUWA);
    const { width, height } = await sharp(await renderPng(svg)).metadata();
    expect([width, height]).toEqual(viewBox(svg).map((units) => 2 * units));
  });
});

describe("the scene of a run", () => {
  /** What the first picture of a drawing embeds. */
  async function embedded(svg: string) {
    const [, png] = /base64,([^"]+)"/.exec(svg) as RegExpExecArray;
    return sharp(Buffer.from(png, "base64")).raw().toBuffer({ resolveWithObject: true });
  }
  const ledger = ledgerOf([token(0)], [{ rows: 1, columns: 1 }]);
  /** Columns of levels 10, 20, … */
  const stripes = (width: number, height: number): Picture => ({
    ...{ width, height },
    pixels: Uint8Array.from({ length: width * height * 3 }, (_, i) => 10 * (1 + (Math.floor(i / 3) % width))),
  });

  it("has the picture's own pixels, cut as for the model and enlarged without blur", async () => {
    const seen = grey(2, 2, 0, { part: { left: 1, top: 0, width: 2, height: 2 } });
    const { data, info } = await embedded(
      await drawRun({ images: [{ picture: stripes(4, 2), grids: [seen] }], ledger }),
    );
    expect([info.width, info.height]).toEqual([640, 640]);
    const levels = Array.from({ length: info.width }, (_, x) => data[3 * x]);
    expect(new Set(levels)).toEqual(new Set([20, 30]));
    expect(levels.indexOf(30)).toBe(320);
  });

  it("has the ground around a padded picture", async () => {
    const part = { left: 0, top: -1, width: 4, height: 4, ground: [1, 2, 3] as const };
    const { data, info } = await embedded(
      await drawRun({ images: [{ picture: stripes(4, 2), grids: [grey(2, 2, 0, { part })] }], ledger }),
    );
    expect([...data.subarray(0, 3)]).toEqual([1, 2, 3]);
    expect(data[3 * (info.width * (info.height / 2))]).toBe(10);
  });

  it("has no more pixels than a page shows", async () => {
    const { info } = await embedded(await drawRun({ images: [{ picture: stripes(3000, 10), grids: [SEEN] }], ledger }));
    expect(info.width).toBe(1280);
  });

  it("lays cells where their patches are: pixels beyond the last patch are seen by none", async () => {
    const grids = [grey(30, 20, 90, { inCells: { width: 28, height: 16 } })];
    const svg = await drawRun({ images: [{ grids }], ledger: ledgerOf([token(0)]) });
    // Cells of 296 · 28/30 / 3 by 197.33 · 16/20 / 2.
    expect(svg).toContain('class="veil" d="M92.09 0H184.18V78.93H92.09Z');
  });
});
