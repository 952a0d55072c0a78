import { expect, it } from "vitest";
import { runOf, settingsOf } from "../../../src/eval/run/settings.ts";
import { unasked } from "../../../src/eval/score/summary-table.ts";
import type { Method } from "../../../src/methods/method.ts";
import { configOf } from "../../support-methods.ts";

it("a method without a budget is one setting for each position policy, and runs as published", () => {
  const settings = settingsOf({
    methods: ["none", "fastv", "feather"],
    variants: ["official"],
    averages: ["1/9", "2/9"],
    positions: ["own", "compressed"],
  });
  const told = settings.map(({ method, average, positions }) => [method, average, positions].join(" "));
  expect(told).toEqual([
    "none  original",
    "fastv 1/9 original",
    "fastv 1/9 compressed",
    "fastv 2/9 original",
    "fastv 2/9 compressed",
    "feather  original",
    "feather  compressed",
  ]);
  const { method } = runOf(settings[5], configOf(24, 32), 1);
  expect([...(method as Method).cuts.keys()]).toEqual([8, 16]);
  expect(["none", "feather"].map(unasked)).toEqual(["all", "as published"]);
});
