import { expect, it } from "vitest";
import { parseJson } from "../../src/io/json.ts";

const parse = (text: string, most = 1000) => parseJson(Buffer.from(text), most);
const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

it("JSON holds so many values, of which a list or an object counts as eight", () => {
  expect(parse('[1,{"a":2}]', 8 + 1 + 8)).toEqual([1, { a: 2 }]);
  expect(() => parse('[1,{"a":2}]', 8 + 8)).toThrow("it holds more than 16 values (a list or an object counts as 8)");
});

it("JSON has a depth of 127, wherever it is", () => {
  expect(() => parse(nested(127), 1e6)).not.toThrow();
  expect(() => parse(nested(128), 1e6)).toThrow("more than 127 lists and objects stand inside each other");
  // One after the other they are not deep.
  expect(() => parse(`[${Array(3).fill(nested(126)).join(",")}]`, 1e6)).not.toThrow();
});

it("brackets in texts are none, and a text ends at a quote that is not escaped", () => {
  const brackets = "[".repeat(200);
  for (const text of [brackets, `"${brackets}`, `\\"${brackets}`, `${brackets}\\`])
    expect(parse(JSON.stringify([text]))).toEqual([text]);
  expect(() => parse(`["\\\\",${nested(127)}]`, 1e6)).toThrow("inside each other");
});
