import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Readback, run, runSync } from "../../src/core/readback.ts";
import { Turns } from "../../src/core/turns.ts";

/** Things that are needed in order, of which one is there at a time. */
function shelf(most = 9) {
  const fetched: number[] = [];
  const turns: Turns<number> = new Turns(most, (keys) => {
    const there = fetched.at(-1) ?? 0;
    const [next] = [...keys].sort((a, b) => Number(a < there) - Number(b < there) || a - b);
    return next;
  });
  const use = (key: number) => {
    if (fetched.at(-1) !== key) fetched.push(key);
  };
  function* needing(keys: readonly number[]): Readback<number> {
    for (const key of keys) {
      const turn = turns.turn(key);
      if (turn) yield turn;
      use(key);
    }
    return keys.length;
  }
  return { fetched, turns, needing };
}

describe("computations that take turns", () => {
  it("fetch each thing once for all of them, whatever else some of them need", async () => {
    const { fetched, turns, needing } = shelf();
    const lists = [[0, 1, 2, 3], [0, 2, 3], [1, 3, 4], [0]];
    const found = await turns.together(lists.map((list) => () => run(() => needing(list))));
    expect(found).toEqual([4, 3, 3, 1]);
    expect(fetched).toEqual([0, 1, 2, 3, 4]);
  });

  it("all come to their end, each thing being fetched no more often than one after the other", async () => {
    const list = fc.array(fc.nat(5), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.array(list, { maxLength: 5 }), async (lists) => {
        const { fetched, turns, needing } = shelf();
        const found = await turns.together(lists.map((one) => () => run(() => needing(one))));
        expect(found).toEqual(lists.map(({ length }) => length));
        expect(fetched.length).toBeLessThanOrEqual(lists.flat().length);
      }),
      { seed: 1 },
    );
  });

  it("go on when one of them fails, whose error is thrown once the others have ended", async () => {
    const { fetched, turns, needing } = shelf();
    const failing = async () => {
      await run(() => needing([0]));
      throw new Error("broken");
    };
    const ended: number[] = [];
    const other = async () => ended.push(await run(() => needing([0, 1, 2])));
    await expect(turns.together<unknown>([failing, other])).rejects.toThrow("broken");
    expect(ended).toEqual([3]);
    expect(fetched).toEqual([0, 1, 2]);
    expect(turns.turn(0)).toBeUndefined();
  });

  it("are passed over where nothing can wait", async () => {
    const { fetched, turns, needing } = shelf();
    await turns.together([async () => runSync(() => needing([3, 1])), async () => runSync(() => needing([2]))]);
    expect(fetched).toEqual([3, 1, 2]);
  });
});
