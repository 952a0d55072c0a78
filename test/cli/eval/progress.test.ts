import { describe, expect, it } from "vitest";
import { terminalProgress } from "../../../src/cli/eval/progress.ts";

/** What is written when each batch ends at its time, in seconds; ten answers were there before. */
function written(isTTY: boolean, batches: readonly (readonly [seconds: number, done: number])[], total: number) {
  const lines: string[] = [];
  let clock = 5000;
  const progress = terminalProgress({ isTTY, write: (text) => lines.push(text) }, 10, () => clock);
  for (const [seconds, done] of batches) {
    clock = 5000 + 1000 * seconds;
    progress.answered(done, total);
  }
  return lines;
}

describe("the progress of an evaluation", () => {
  it("is one line that is written over on a terminal", () => {
    const batches = [
      [2, 20],
      [4, 30],
    ] as const;
    expect(written(true, batches, 30)).toEqual([
      "\r20/30 answers  2 s left\u001b[K",
      "\r30/30 answers  0 s left\u001b[K\n",
    ]);
  });

  it("is a line a minute and one at the end in a log", () => {
    const batches = Array.from({ length: 500 }, (_, i) => [i + 1, 10 + 2 * (i + 1)] as const);
    expect(written(false, batches.slice(0, 59), 1010)).toEqual([]);
    expect(written(false, batches, 1010)).toEqual([
      "130/1010 answers  7 min left\n",
      "250/1010 answers  6 min left\n",
      "370/1010 answers  5 min left\n",
      "490/1010 answers  4 min left\n",
      "610/1010 answers  3 min left\n",
      "730/1010 answers  2 min left\n",
      "850/1010 answers  80 s left\n",
      "970/1010 answers  20 s left\n",
      "1010/1010 answers  0 s left\n",
    ]);
  });

  it("does not wait for the minute at the end, and says the end once", () => {
    const batches = [
      [1, 20],
      [2, 30],
      [3, 30],
    ] as const;
    expect(written(false, batches, 30)).toEqual(["30/30 answers  0 s left\n"]);
  });

  it("has notes in lines of their own, before which the line that is written over is wiped", () => {
    const lines: string[] = [];
    for (const isTTY of [true, false])
      terminalProgress({ isTTY, write: (text) => lines.push(text) }, 0).missed("fastv at 1/9: too many");
    expect(lines).toEqual(["\r\u001b[Knote: fastv at 1/9: too many\n", "note: fastv at 1/9: too many\n"]);
  });
});
