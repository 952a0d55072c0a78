import { expect, it } from "vitest";
import { z } from "zod";
import { jsonLines } from "../../src/io/lines.ts";
import { refusal } from "./scratch.ts";

const read = (text: string) => [...jsonLines("f", Buffer.from(text), z.number(), "Mend it.")];

it("gives the value and the place of each line, and refuses a line that is empty, deep or no JSON without showing it", () => {
  expect(read("1\n2")).toEqual([
    [1, "f: line 1"],
    [2, "f: line 2"],
  ]);
  expect(refusal(() => read("1\n\n2\n"))).toBe("f: line 2: is not JSON (it ends early). Mend it.");
  expect(refusal(() => read("1\n2 secret\n"))).toMatch(/^f: line 2: is not JSON \(line 1, column 3: .*\)\. Mend it\.$/);
  expect(refusal(() => read("1\n2 secret\n"))).not.toContain("secret");
  expect(refusal(() => read("[".repeat(1e5)))).toMatch(/inside each other/);
  const longest = 2 ** 22;
  expect(read("7".padEnd(longest))).toEqual([[7, "f: line 1"]]);
  expect(refusal(() => read("7".padEnd(longest + 1)))).toBe("f: line 1: has 4194305 bytes, too many. Mend it.");
});
