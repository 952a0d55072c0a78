import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { MUTATIONS } from "../../scripts/mutations/list.ts";

// The run of all mutations takes half an hour; that they still apply is seen at once.
it.each(MUTATIONS.map(({ what, file, from, to }) => [what, file, from, to]))(
  "the mutation “%s” changes one place of src/%s",
  (_, file, from, to) => {
    const source = readFileSync(new URL(`../../src/${file}`, import.meta.url), "utf8");
    expect(source.split(from)).toHaveLength(2);
    expect(to).not.toBe(from);
  },
);
