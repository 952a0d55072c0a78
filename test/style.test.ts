import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const PROJECT = fileURLToPath(new URL("..", import.meta.url));

/** Sentences of laws are one literal each, because tests compare them word for word; so are lists of data. */
const LONG_LITERALS = [/^src\/laws\/all\.ts$/, /^test\/properties\//, /evalai\.ts$/, /^scripts\/mutations\//];
/** Titles of tests and texts that a program must print are one literal each. */
const TESTS = /^test\//;

const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "*.ts", "bin/*.js"], {
  cwd: PROJECT,
  encoding: "utf8",
})
  .trim()
  .split("\n");

describe("the sources", () => {
  it("have no line longer than 120 characters", () => {
    const checked = files.filter((file) => ![...LONG_LITERALS, TESTS].some((pattern) => pattern.test(file)));
    expect(checked.length).toBeGreaterThan(200);
    const long = checked.flatMap((file) =>
      readFileSync(join(PROJECT, file), "utf8")
        .split("\n")
        .flatMap((line, i) => ([...line].length > 120 ? [`${file}:${i + 1}`] : [])),
    );
    expect(long).toEqual([]);
  });
});
