import { expect, it } from "vitest";
import { normaliseAnswer } from "../../../../src/eval/tasks/benchmarks/evalai.ts";

/** What the harness's EvalAIAnswerProcessor gives, by hand along its steps. */
it.each([
  ["The Dog.", "dog"],
  ["a  cat and an owl", "cat and owl"],
  ["two", "2"],
  ["None", "0"],
  ["dont", "don't"],
  ["couldnt've", "couldn't've"],
  ["couldn'tve", "couldn't've"],
  ["yalld've", "yalld've"],
  ["somebody'd", "somebodyd"],
  ["john's", "john 's"],
  ["1,000", "1000"],
  ["3.5", "3.5"],
  ["no. 7", "no 7"],
  ["t-shirt", "t shirt"],
  ["well - known t-shirt", "well known tshirt"],
  ["(hello)", "hello"],
  ["what?!", "what"],
  ["line\nbreak", "line break"],
  ["constructor", "constructor"],
  // No more than 32 points are removed, see MOST_POINTS.
  [".a".repeat(32), "a".repeat(32)],
  [".a".repeat(33), `${"a".repeat(32)}.a`],
])("%j becomes %j", (answer, normal) => {
  expect(normaliseAnswer(answer)).toBe(normal);
});
