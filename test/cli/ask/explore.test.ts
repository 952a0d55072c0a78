import { describe, expect, it } from "vitest";
import { averagesAbove, type Doubtful, explore } from "../../../src/cli/ask/explore.ts";
import { parseBoxes } from "../../../src/core/boxes.ts";
import { UsageError } from "../../../src/core/errors.ts";
import type { Mark } from "../../../src/eval/tasks/marking.ts";
import type { SampleLedger } from "../../../src/methods/ledger.ts";
import type { Answer } from "../../../src/pipeline/answer.ts";

const TOTAL = 144;

/** A ledger in which so many visual tokens enter each of two layers. */
function ledgerWith(entering: number, total = TOTAL): SampleLedger {
  const token = { image: 0, position: [0], firstLayer: 0, layers: 2, pillar: undefined, weights: undefined };
  const tokens = Array.from({ length: entering }, (_, cell) => ({ ...token, cell }));
  return { total, layers: 2, textTokens: 5, tokens, images: [] } as unknown as SampleLedger;
}

const said = (text: string, entering = 16): Answer => ({
  text,
  ids: [1, 2, 3],
  boxes: parseBoxes(text),
  ledger: ledgerWith(entering),
});
const BOX = "[0.1, 0.1, 0.5, 0.5]";

/** What is printed, asked and returned for a pair of answers. */
async function exploring(
  pruned: Answer,
  unpruned: Answer,
  at: Record<string, string> = {},
  more: Partial<Doubtful> = {},
  marked: (answer: string) => Mark | undefined = () => undefined,
) {
  const asked: string[] = [];
  const lines: string[] = [];
  const tried = await explore(
    { pruned, unpruned, most: 32, hasBudget: true, exploring: true, ...more },
    async (average) => {
      asked.push(average);
      if (at[average] === "none") throw new UsageError(`no ${average} here`);
      return said(at[average] ?? "elsewhere", 32);
    },
    marked,
    (label, text) => lines.push(`${label}: ${text}`),
  );
  return { tried, asked, lines };
}

describe("averagesAbove", () => {
  it("are the ninths above what entered a layer, and halves of the least below", () => {
    expect(averagesAbove(ledgerWith(16))).toEqual(["2/9", "1/3", "4/9", "5/9", "2/3", "7/9", "8/9"]);
    expect(averagesAbove(ledgerWith(3))).toEqual([
      "1/36",
      "1/18",
      "1/9",
      "2/9",
      "1/3",
      "4/9",
      "5/9",
      "2/3",
      "7/9",
      "8/9",
    ]);
  });

  it("leave out what is no more than the run had, by half a token", () => {
    expect(averagesAbove(ledgerWith(32))[0]).toBe("1/3");
    expect(averagesAbove(ledgerWith(31))[0]).toBe("2/9");
    expect(averagesAbove(ledgerWith(1, 18))[0]).toBe("1/9");
    expect(averagesAbove(ledgerWith(140))).toEqual([]);
  });
});

describe("explore", () => {
  it("asks upward to the first average at which the answer holds, and no further", async () => {
    const { tried, asked, lines } = await exploring(said("red"), said("blue"), { "1/3": "blue", "4/9": "blue" });
    expect(asked).toEqual(["2/9", "1/3"]);
    expect(tried?.map(({ average, holds }) => [average, holds])).toEqual([
      ["2/9", false],
      ["1/3", true],
    ]);
    expect(lines).toEqual([
      "note: the pruned answer differs from the unpruned one",
      "explore: 2/9 (32 of 144 visual tokens): elsewhere (the answer changed)",
      "explore: 1/3 (32 of 144 visual tokens): blue (the answer held)",
      "explore: of these the answer first holds at --average 1/3",
    ]);
  });

  it("says where the truth is known whether each answer is right", async () => {
    const marked = (answer: string) => ({ correct: answer === "blue", iou: null, centre: null });
    const { tried, lines } = await exploring(said("red"), said("blue"), { "2/9": "blue" }, {}, marked);
    expect(lines[1]).toBe("explore: 2/9 (32 of 144 visual tokens): blue (the answer held; right)");
    expect(tried?.[0].mark?.correct).toBe(true);
  });

  it("goes on where a method has no such average, and says when none holds", async () => {
    const { tried, lines } = await exploring(said("red"), said("blue"), { "2/9": "none" });
    expect(tried).toHaveLength(7);
    expect(lines[1]).toBe("explore: 2/9: no 2/9 here");
    expect(lines.at(-1)).toBe("explore: it holds at no average tried, up to 8/9");
  });

  it("hides no other error", async () => {
    const broken = explore(
      { pruned: said("red"), unpruned: said("blue"), most: 32, hasBudget: true, exploring: true },
      () => Promise.reject(new Error("broken")),
      () => undefined,
      () => undefined,
    );
    await expect(broken).rejects.toThrow("broken");
  });

  it("without being asked for names the next average and asks nothing", async () => {
    const { tried, asked, lines } = await exploring(said("[0.1, 0.1"), said(BOX), {}, { exploring: undefined });
    expect([tried, asked]).toEqual([undefined, []]);
    expect(lines).toEqual([
      "note: the pruned answer is an unfinished box. Next to try: --average 2/9; --explore tries it and larger ones until the answer holds",
    ]);
  });

  it("says nothing of an answer that holds, unless it was asked for", async () => {
    const near = said("[0.1, 0.1, 0.5, 0.52]");
    expect((await exploring(near, said(BOX), {}, { exploring: undefined })).lines).toEqual([]);
    const without = await exploring(said("[0.1, 0.1"), said(BOX), {}, { exploring: undefined, hasBudget: false });
    expect(without.lines.join("\n")).toMatch(/^note: the pruned answer is [^.]*$/);
    expect(await exploring(near, said(BOX))).toEqual({
      tried: undefined,
      asked: [],
      lines: ["explore: the answer holds at the average that was asked for"],
    });
  });

  it("looks for nothing where the unpruned answer is malformed itself", async () => {
    const { asked, lines } = await exploring(said("[0.1"), said("[0.1"), {}, { most: 3 });
    expect(asked).toEqual([]);
    expect(lines).toEqual([
      "note: the unpruned answer itself is an unfinished box, cut off by --max-new-tokens 3: " +
        "more visual tokens do not mend it",
    ]);
  });

  it("names no next average where there is none", async () => {
    const { lines } = await exploring(said("red", 143), said("blue"));
    expect(lines).toEqual(["note: the pruned answer differs from the unpruned one"]);
  });
});
