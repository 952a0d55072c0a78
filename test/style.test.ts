import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const PROJECT = fileURLToPath(new URL("..", import.meta.url));

/** Sentences of laws are one literal each, because tests compare them word for word; so are lists of data. */
const LONG_LITERALS = [/^src\/laws\/all\.ts$/, /^test\/properties\//, /evalai\.ts$/, /^scripts\/mutations\//];
/**
 * The files that may turn values into JSON. In a message a value of a file stands as `shown` of core/schema.ts has it
 * (short, flat, without control characters), and JSON for a terminal is written by `printableJson` of core/errors.ts.
 */
const WRITE_JSON = [
  // The two helpers.
  ..."core/errors core/schema".split(" "),
  // Files that are written, and answers to the process that asked.
  ..."train/shapes/export train/tune/tuned-constants train/engine/training-state cli/ask-record cli/compare cli/eval/results".split(
    " ",
  ),
  ..."cli/inspect/write view/report".split(" "),
  ..."eval/run/journal io/lock io/safetensors io/method-file io/drawing backend/webgpu/trial".split(" "),
  "backend/native/probe",
  // Keys, fingerprints and comparisons, which nobody reads.
  ..."world/blind model/llava-next/preprocessing eval/run/evaluate eval/run/merge eval/run/sample eval/run/plan".split(
    " ",
  ),
  ..."eval/run/fingerprint eval/score/difference".split(" "),
  // Expected answers of benchmarks that are a list or a box.
  ..."eval/tasks/benchmarks/refcoco eval/tasks/benchmarks/textvqa".split(" "),
  // Numbers and our own names.
  ..."cli/taps cli/tokenize laws/assert".split(" "),
];
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

  it("put values of files into messages through one helper", () => {
    const found = files.filter(
      (file) => file.startsWith("src/") && /JSON\.stringify\(/.test(readFileSync(join(PROJECT, file), "utf8")),
    );
    const named = found.map((file) => file.replace(/^src\/|\.ts$/g, ""));
    expect(named.sort()).toEqual([...WRITE_JSON].sort());
    const inMessages = found.filter((file) =>
      /Error\((?:(?!\);).)*?JSON\.stringify/s.test(readFileSync(join(PROJECT, file), "utf8")),
    );
    expect(inMessages).toEqual([]);
  });

  it("parse JSON of others with limits of depth and size", () => {
    const found = files.filter(
      (file) => file.startsWith("src/") && /JSON\.parse\(/.test(readFileSync(join(PROJECT, file), "utf8")),
    );
    // What this program and its own processes have written, and the two that count before they parse.
    expect(found.map((file) => file.replace(/^src\/|\.ts$/g, "")).sort()).toEqual([
      ...["backend/native/locate", "backend/native/trial", "backend/webgpu/trial", "cli/about"],
      ...["io/drawing", "io/json", "io/json-cursor"],
    ]);
  });
});
