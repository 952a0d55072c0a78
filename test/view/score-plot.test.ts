import { expect, it } from "vitest";
import type { Sample } from "../../src/eval/run/sample.ts";
import type { SummaryRow } from "../../src/eval/score/summary.ts";
import { scoresSvg } from "../../src/view/score-plot.ts";

/** The same figures for many settings, so that intervals and points would lie on each other. */
function evaluation(methods: readonly string[]): [SummaryRow[], Sample[]] {
  const settings = methods.flatMap((method) =>
    (method === "none" ? [null] : ["1/3", "1/9"]).map((average) => ({
      ...{ method, variant: null, average, positions: "original" },
    })),
  );
  const rows = settings.map((setting) => ({
    ...{ ...setting, task: "shapes-vqa", family: "all", metric: "accuracy" },
    ...{ score: 0.5, n: 10, low: 0.4, high: 0.6, retention: 1 },
  }));
  const tokens = { "1/3": 48, "1/9": 16 } as const;
  const samples = settings.map((setting) => ({
    ...setting,
    tokensEntering: setting.average === null ? 144 : tokens[setting.average as "1/3" | "1/9"],
  }));
  return [rows as unknown as SummaryRow[], samples as unknown as Sample[]];
}

/** Where the intervals are on the y axis. */
function intervalsOf(svg: string): number[] {
  const [, marks] = /<g[^>]* stroke-width="3"[^>]*aria-label="rule">(.*?)<\/g>/s.exec(svg) as RegExpExecArray;
  return [...marks.matchAll(/ y1="([-\d.]+)"/g)].map(([, y]) => Number(y));
}

it("scores stand a line each, so that neither intervals nor words overlap; more tokens stand higher", () => {
  const svg = scoresSvg(...evaluation(["none", "nuwa", "fastv", "visionzip"]));
  const intervals = intervalsOf(svg);
  expect(intervals).toHaveLength(7);
  const steps = intervals.slice(1).map((y, i) => y - intervals[i]);
  expect(Math.min(...steps)).toBeGreaterThan(40);
  const names = [...svg.matchAll(/>([\d.]+ tokens: [^<]*)</g)].map(([, name]) => name);
  expect(names).toEqual([
    "144 tokens: none, original",
    ...["nuwa", "fastv", "visionzip"].map((method) => `48 tokens: ${method}, original`),
    ...["nuwa", "fastv", "visionzip"].map((method) => `16 tokens: ${method}, original`),
  ]);
  expect(svg.match(/>0\.50 \[0\.40, 0\.60\]</g)).toHaveLength(7);
  expect(svg).toContain("dashed: unpruned");
});

it("scores without the unpruned model promise no dashed line, and long names are cut before the figures", () => {
  const svg = scoresSvg(...evaluation(["x".repeat(200)]));
  expect(svg).not.toContain("dashed");
  expect(svg).toMatch(/>48 tokens:…</);
});
