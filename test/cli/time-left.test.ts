import { expect, it } from "vitest";
import { timeLeft } from "../../src/cli/time-left.ts";

it.each([
  [29, []],
  [45, ["30/45 passes  30 s left\n"]],
  [60, ["30/60 passes  60 s left\n", "60/60 passes  0 s left\n"]],
])(
  "the time left of %i passes of two seconds is a line a minute, and no other where no end is asked for",
  (total, wanted) => {
    const lines: string[] = [];
    let clock = 0;
    const counted = { what: "passes", before: 0, endsPlain: false };
    const show = timeLeft({ write: (text) => lines.push(text) }, counted, () => clock);
    for (let done = 1; done <= total; done++) {
      clock = 2000 * done;
      show(done, total);
    }
    expect(lines).toEqual(wanted);
  },
);
