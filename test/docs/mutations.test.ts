import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { AREAS } from "../../scripts/mutations/list.ts";
import { countOf, rowsIn } from "../../scripts/mutations/table.ts";

const all = AREAS.flatMap(({ mutations }) => mutations);
const document = readFileSync(new URL("../../docs/invariants.md", import.meta.url), "utf8");

describe("the mutations", () => {
  // The run of all of them takes long; that they still apply is seen at once.
  it.each(all.map(({ what, file, from, to }) => [what, file, from, to]))(
    "“%s” changes one place of src/%s",
    (_, file, from, to) => {
      const source = readFileSync(new URL(`../../src/${file}`, import.meta.url), "utf8");
      expect(source.split(from)).toHaveLength(2);
      expect(to).not.toBe(from);
    },
  );

  it("have different descriptions within a file", () => {
    const names = all.map(({ what, file }) => `${file}: ${what}`);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("the tables of docs/invariants.md", () => {
  it.each(AREAS)("have no row of $name that is no mutation, and are in order", ({ name, mutations }) => {
    const rows = rowsIn(document, { name }).map(([what, file]) => `${file} ${what}`);
    const known = mutations.map(({ what, file }) => `\`${file}\` ${what}`);
    expect(rows).toEqual(known.filter((key) => rows.includes(key)));
  });

  it("say how many mutations have been caught", () => {
    const caught = AREAS.reduce((sum, area) => sum + rowsIn(document, area).length, 0);
    expect(document).toContain(`\n${countOf(caught)}\n`);
  });
});
