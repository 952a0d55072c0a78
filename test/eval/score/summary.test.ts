import { describe, expect, it } from "vitest";
import { type Sample, sampleSchema } from "../../../src/eval/run/sample.ts";
import { settingsOf } from "../../../src/eval/run/settings.ts";
import { bootstrap } from "../../../src/eval/score/bootstrap.ts";
import { summarise } from "../../../src/eval/score/summary.ts";
import { summaryTable } from "../../../src/eval/score/summary-table.ts";

const SETTINGS = settingsOf({
  methods: ["none", "nuwa"],
  variants: ["paper"],
  averages: ["1/9"],
  positions: ["rpme"],
});

/** Three scenes with a colour and a grounding question each; `right` of the colours and `ious` of the boxes. */
function samplesOf(setting: number, right: readonly boolean[], ious: readonly number[]): Sample[] {
  return right.flatMap((correct, scene): Sample[] => {
    const common = {
      split: "test",
      seed: 1,
      scene,
      batch: 0,
      ...SETTINGS[setting],
      tokensEntering: 16,
      tokensLeaving: 12.5,
    } as const;
    const iou = ious[scene];
    return [
      {
        ...common,
        ...{ task: "shapes-vqa", family: "colour", style: "place", question: "What colour?", id: `${scene}/0` },
        expected: "red",
        answer: correct ? "red" : "blue",
        correct,
        iou: null,
        centre: null,
      } as Sample,
      {
        ...common,
        ...{ task: "shapes-grounding", family: "grounding", style: "place", question: "Where?", id: `${scene}/1` },
        expected: "[]",
        answer: "[]",
        correct: iou >= 0.5,
        iou,
        centre: iou > 0,
      } as Sample,
    ];
  });
}

describe("the summary", () => {
  const samples = [
    ...samplesOf(0, [true, true, true], [0.95, 0.5, 0.25]),
    ...samplesOf(1, [true, false, true], [0.4, 0.6, 0]),
  ];
  const rows = summarise(samples, SETTINGS, 1);
  const find = (method: string, family: string, metric: string) =>
    rows.find((row) => row.method === method && row.family === family && row.metric === metric);

  it("has exactly the promised fields", () => {
    for (const sample of samples) sampleSchema.parse(sample);
    for (const row of rows)
      expect(Object.keys(row).sort()).toEqual(
        [
          "task",
          "family",
          "method",
          "variant",
          "average",
          "positions",
          "metric",
          "score",
          "n",
          "low",
          "high",
          "retention",
        ].sort(),
      );
    expect(new Set(rows.map(({ metric }) => metric))).toEqual(
      new Set(["accuracy", "ACC@0.1", "ACC@0.3", "ACC@0.5", "ACC@0.7", "ACC@0.9", "mean IoU", "centre accuracy"]),
    );
  });

  it("agrees with a count by hand", () => {
    expect(find("none", "colour", "accuracy")).toMatchObject({ score: 1, n: 3, low: 1, high: 1, retention: 1 });
    expect(find("nuwa", "colour", "accuracy")).toMatchObject({ score: 2 / 3, retention: 2 / 3, variant: "paper" });
    expect(find("nuwa", "all", "accuracy")?.score).toBe(2 / 3);
    expect(find("none", "grounding", "ACC@0.5")?.score).toBe(2 / 3);
    expect(find("nuwa", "grounding", "ACC@0.5")).toMatchObject({ score: 1 / 3, retention: 0.5, average: "1/9" });
    expect(find("none", "grounding", "ACC@0.9")?.score).toBe(1 / 3);
    expect(find("none", "grounding", "mean IoU")?.score).toBeCloseTo(1.7 / 3, 12);
    expect(find("nuwa", "grounding", "centre accuracy")?.score).toBe(2 / 3);
  });

  it("draws among all scenes of the world, also among those in which a task has asked nothing", () => {
    const [asked, all] = [12, 60].map((count) => {
      const right = Array.from({ length: count }, (_, i) => i % 2 === 0);
      return samplesOf(0, right, right.map(Number));
    });
    const colours = asked.filter(({ family }) => family === "colour");
    const boxes = all.filter(({ family }) => family === "grounding");
    const row = summarise([...colours, ...boxes], SETTINGS, 1).find(({ family }) => family === "colour");
    const groups = Array.from({ length: 60 }, (_, scene) => (scene < 12 ? [1 - (scene % 2)] : []));
    expect(row).toMatchObject(bootstrap(groups, 1));
    // Among twelve scenes alone the interval is another.
    expect(row).not.toMatchObject(bootstrap(groups.slice(0, 12), 1));
  });

  it("keeps nothing to compare with where the unpruned model scored 0 or was not run", () => {
    expect(find("nuwa", "grounding", "ACC@0.9")?.score).toBe(0);
    const alone = summarise(
      samples.filter(({ method }) => method === "nuwa"),
      SETTINGS.slice(1),
      1,
    );
    expect(alone.every(({ retention }) => retention === null)).toBe(true);
    const failing = summarise([...samplesOf(0, [false], [0]), ...samplesOf(1, [true], [1])], SETTINGS, 1);
    expect(failing.every(({ retention }) => retention === null)).toBe(true);
  });

  it("compares each task with the unpruned model's score in the same task, although both are one family `all`", () => {
    const answers = (task: string, setting: number, right: readonly boolean[]) =>
      samplesOf(setting, right, [0, 0])
        .filter(({ family }) => family === "colour")
        .map((sample) => ({ ...sample, task, family: "all" }));
    const both = [
      ...answers("gqa", 0, [true, true]),
      ...answers("gqa", 1, [true, false]),
      ...answers("scienceqa", 0, [true, false]),
      ...answers("scienceqa", 1, [true, false]),
    ];
    const kept = summarise(both, SETTINGS, 1).filter(({ method }) => method === "nuwa");
    expect(kept.map(({ task, score, retention }) => [task, score, retention])).toEqual([
      ["gqa", 0.5, 0.5],
      ["scienceqa", 0.5, 1],
    ]);
  });

  it("does not depend on the order of the samples", () => {
    expect(summarise([...samples].reverse(), SETTINGS, 1)).toEqual(rows);
  });

  it("is a table with a line for each setting, without columns that were not asked for", () => {
    const lines = summaryTable(rows, samples).trim().split("\n");
    expect(lines).toHaveLength(4);
    expect(lines[0]).toContain("| colour | ACC@0.5 |");
    expect(lines[0]).not.toContain("existence");
    expect(lines[3]).toMatch(/^\| nuwa \(paper\) \| 1\/9 \| 16\.0 \| 12\.5 \| rpme \| 0\.667 \(/);
    expect(lines[3]).toMatch(/66\.7 % \| 50\.0 % \|$/);
  });

  it("says under the table which method is not the published one", () => {
    const asCdpruner = <T extends { readonly method: string }>(items: readonly T[]) =>
      items.map((item) => (item.method === "nuwa" ? { ...item, method: "cdpruner", variant: null } : item));
    const text = summaryTable(asCdpruner(rows), asCdpruner(samples));
    expect(text).toMatch(/\n\ncdpruner: relevance from the decoder's embeddings, not from CLIP's .* as published\.\n$/);
    expect(summaryTable(rows, samples)).not.toContain("as published");
  });
});

describe("settings", () => {
  it("combine the lists for nuwa, averages and positions for peers, and are one for each other method", () => {
    const settings = settingsOf({
      methods: ["none", "nuwa", "fastv", "permuted", "compressed-range", "blind", "grey"],
      variants: ["official", "paper"],
      averages: ["1/3", "1/9"],
      positions: ["original", "compressed", "rpme"],
    });
    expect(settings).toHaveLength(1 + 12 + 6 + 4);
    for (const { variant } of settings.filter(({ method }) => method === "fastv")) expect(variant).toBeNull();
    expect(new Set(settings.map((setting) => JSON.stringify(setting))).size).toBe(23);
  });

  it("give each method the ids of its own code when asked for `own`, once", () => {
    const choices = { variants: ["official"], averages: ["1/3"] } as const;
    const settings = settingsOf({ ...choices, methods: ["nuwa", "visionzip"], positions: ["own", "compressed"] });
    expect(settings.map(({ method, positions }) => `${method} ${positions}`)).toEqual([
      "nuwa original",
      "nuwa compressed",
      "visionzip compressed",
    ]);
  });
});
