import { appendFileSync, closeSync, openSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { lineCounter } from "../../../src/cli/eval/line-counter.ts";
import { temporaryFolder } from "../support.ts";

it("counts whole lines as they come, also after an unfinished one was cut off", () => {
  const path = join(temporaryFolder(), "journal");
  const count = lineCounter(path);
  expect(count()).toBe(0);
  writeFileSync(path, "one\ntwo\nthr");
  expect([count(), count()]).toEqual([2, 2]);
  truncateSync(path, 8);
  expect(count()).toBe(2);
  appendFileSync(path, "3\n4\n");
  expect(count()).toBe(4);
  // Longer than what is read at a time, with the line break of each at another place.
  const lines = Array.from({ length: 40 }, (_, i) => `${"x".repeat(9973 + i)}\n`);
  appendFileSync(path, lines.join(""));
  expect(count()).toBe(44);
});

it("reads only what was added", () => {
  const path = join(temporaryFolder(), "journal");
  const count = lineCounter(path);
  writeFileSync(path, "one\ntwo\n");
  expect(count()).toBe(2);
  const file = openSync(path, "r+");
  writeSync(file, "\n\n\n\n", 0);
  closeSync(file);
  appendFileSync(path, "three\n");
  expect(count()).toBe(3);
});
