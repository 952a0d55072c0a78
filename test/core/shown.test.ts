import { describe, expect, it } from "vitest";
import { z } from "zod";
import { NuwaError, printable, printableJson } from "../../src/core/errors.ts";
import { checkSchema, shown, shownReason } from "../../src/core/schema.ts";
import { refusal } from "../io/scratch.ts";

/** Lists inside each other, so many that a recursive walk would overflow the stack. */
function deep(levels: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < levels; i++) value = i % 2 ? [value] : { a: value };
  return value;
}

describe("what is shown of a file", () => {
  it("is the JSON of small values", () => {
    const values = ["a", 'q"\\', 1.5, -0, true, null, [], {}, [1, "b", [null]], { a: 1, "b c": { d: [2] } }];
    for (const value of values.filter((one) => !Object.is(one, -0))) expect(shown(value)).toBe(JSON.stringify(value));
    expect([undefined, Number.NaN, Number.POSITIVE_INFINITY, () => 0].map(shown)).toEqual([
      ...["a missing value", "NaN", "Infinity", "a function"],
    ]);
  });

  it("has at most 100 characters, however long or deep the value is", () => {
    const long = [
      ...["x".repeat(1e7), deep(1e6), Array(1e6).fill(7), { ["k".repeat(1e6)]: 1 }, "\u009b".repeat(500)],
      Object.fromEntries(Array.from({ length: 1e5 }, (_, i) => [`k${i}`, i])),
      "😀".repeat(100),
    ];
    for (const value of long) {
      const started = performance.now();
      const text = shown(value);
      expect(performance.now() - started).toBeLessThan(10_000);
      expect(text.length).toBeLessThanOrEqual(100);
      expect(text).toMatch(/…/);
      expect(text).not.toMatch(/\p{Cs}/u);
    }
  });

  it("holds nothing that a terminal acts on or that hides the text beside it", () => {
    expect(printable("a\u001b[2J\u009b0m\u007f\u202e\u2066\u2028\ud800\u{e0041}b\n\tü😀")).toBe(
      "a\\x1b[2J\\x9b0m\\x7f\\u202e\\u2066\\u2028\\ud800\\u{e0041}b\n\tü😀",
    );
    expect(shown("\u009b\u202e")).toBe('"\\x9b\\u202e"');
  });
});

describe("JSON for a terminal", () => {
  it("reads as the same value and holds nothing that a terminal acts on", () => {
    const value = { "k\u009b": ["a\u001b[2J\u007f\u202e\u2028", "\u{e0041}ü😀\n", 1] };
    for (const text of [printableJson(value), printableJson(value, 2)]) {
      expect(JSON.parse(text)).toEqual(value);
      expect(printable(text)).toBe(text);
    }
    expect(printableJson("\u{e0041}\u009b")).toBe('"\\udb40\\udc41\\u009b"');
  });
});

describe("what a library or a template says", () => {
  it("is one line of at most 400 characters", () => {
    expect(shownReason(" no\n images\u001b[2J ")).toBe("no images\\x1b[2J");
    expect(shownReason("\u009b".repeat(1e6))).toHaveLength(400);
  });
});

describe("the line of an error", () => {
  it("is one line of bounded length, with the remedy at its end, whatever was put into it", () => {
    const { message } = new NuwaError(`a\r\n \tb\tc ${" ".repeat(1e6)}${"x".repeat(1e6)}. Fetch it again.`);
    expect(message).toMatch(/^a b c .* … x+\. Fetch it again\.$/);
    expect(message.length).toBeLessThan(7000);
  });

  it("does not hold a long path of keys, nor all of many unknown keys", () => {
    const key = "\u001b".repeat(500);
    const nested = z.record(z.string(), z.record(z.string(), z.number()));
    const text = refusal(() => checkSchema("f", { [key]: { [key]: "x" } }, nested));
    expect(text.length).toBeLessThan(600);
    const keys = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, 1]));
    expect(refusal(() => checkSchema("f", keys, z.strictObject({})))).toBe(
      'f: has unknown fields: "k0", "k1", "k2", "k3", "k4" and 995 more. ' +
        "Mend it, or get the file anew from where it came.",
    );
  });

  it("says how many entries a list of fixed length has, also where one of several schemas takes it", () => {
    const pair = z.tuple([z.number(), z.number()]);
    for (const value of [[1], [1, 2, 3]])
      expect(refusal(() => checkSchema("f", value, pair))).toContain("must be a list of 2 entries, not [1");
    expect(refusal(() => checkSchema("f", [1], z.union([pair, z.string()])))).toContain(
      "must be a list of 2 entries or a text, not [1]",
    );
    expect(refusal(() => checkSchema("f", [1], z.array(z.number()).min(2)))).toContain("a list of at least 2 entries");
    expect(refusal(() => checkSchema("f", [1], z.array(z.number()).length(2)))).toContain(
      "must be a list of 2 entries",
    );
  });

  it("takes little time for a list of many wrong entries", () => {
    const started = performance.now();
    expect(refusal(() => checkSchema("f", Array(1e5).fill("x"), z.array(z.number())))).toContain('field "0"');
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});
