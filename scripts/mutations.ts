/**
 * Breaks the pruning code in small ways, one at a time, in a copy of the project, and runs the laws of
 * test/properties on each: which ones catch it? Writes the table into docs/invariants.md and ends with 1 when
 * a mutation survives.
 *
 * usage: npm run test:mutations [-- PART OF A DESCRIPTION]
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeAtomically } from "../src/io/files.ts";
import { VARIABLES } from "../test/properties/settings.ts";
import { fill } from "./fill.ts";
import { MUTATIONS, type Mutation } from "./mutations/list.ts";

const PROJECT = fileURLToPath(new URL("..", import.meta.url));
const DOCUMENT = join(PROJECT, "docs/invariants.md");
/** A share of the cases is enough to see code that is wrong for most of them. */
const FACTOR = "0.3";

/** What a run of the laws on broken code found. */
interface Verdict {
  readonly mutation: Mutation;
  /** Sentences of the laws that failed. */
  readonly caughtBy: readonly string[];
}

const [part] = process.argv.slice(2);
const chosen = MUTATIONS.filter(({ what }) => part === undefined || what.includes(part));
const copy = mkdtempSync(join(tmpdir(), "nuwa-mutations-"));
process.once("SIGINT", () => {
  rmSync(copy, { recursive: true, force: true });
  process.exit(130);
});
try {
  for (const name of ["src", "test", "docs", "scripts", "weights", "package.json", "tsconfig.json", "vitest.config.ts"])
    cpSync(join(PROJECT, name), join(copy, name), { recursive: true });
  symlinkSync(join(PROJECT, "node_modules"), join(copy, "node_modules"));
  const files = readdirSync(join(copy, "test/properties"))
    .filter(
      (name) =>
        name.endsWith(".test.ts") && readFileSync(join(copy, "test/properties", name), "utf8").includes("\nlaw("),
    )
    .map((name) => `test/properties/${name}`);
  const unbroken = failuresOf(files);
  if (unbroken.length > 0) throw new Error(`before any mutation these fail: ${unbroken.join("; ")}`);
  const verdicts = chosen.map((mutation, i): Verdict => {
    const caughtBy = tryMutation(mutation, files);
    console.log(
      `${i + 1}/${chosen.length}  ${mutation.what}: ${caughtBy.length ? `caught by ${caughtBy.length}` : "SURVIVED"}`,
    );
    return { mutation, caughtBy };
  });
  const survivors = verdicts.filter(({ caughtBy }) => caughtBy.length === 0).length;
  console.log(`${verdicts.length - survivors} of ${verdicts.length} mutations caught`);
  if (survivors > 0) process.exitCode = 1;
  else if (part === undefined)
    writeAtomically(
      DOCUMENT,
      fill("docs/invariants.md", readFileSync(DOCUMENT, "utf8"), { mutations: tableOf(verdicts) }),
    );
} finally {
  rmSync(copy, { recursive: true, force: true });
}

function tryMutation({ what, file, from, to }: Mutation, files: readonly string[]): string[] {
  const path = join(copy, "src", file);
  const whole = readFileSync(path, "utf8");
  if (whole.split(from).length !== 2)
    throw new Error(
      `mutation "${what}": its text occurs ${whole.split(from).length - 1} times in src/${file}, not once.`,
    );
  writeFileSync(
    path,
    whole.replace(from, () => to),
  );
  try {
    return failuresOf(files);
  } finally {
    writeFileSync(path, whole);
  }
}

/** Names of the tests that fail in the copy. */
function failuresOf(files: readonly string[]): string[] {
  const report = join(copy, "report.json");
  rmSync(report, { force: true });
  spawnSync(
    process.execPath,
    [join(copy, "node_modules/vitest/vitest.mjs"), "run", "--reporter=json", `--outputFile=${report}`, ...files],
    { cwd: copy, env: { ...process.env, [VARIABLES.factor]: FACTOR }, stdio: "ignore" },
  );
  if (!existsSync(report)) throw new Error("vitest wrote no report.");
  const { testResults } = JSON.parse(readFileSync(report, "utf8")) as {
    testResults: { name: string; status: string; assertionResults: { status: string; title: string }[] }[];
  };
  return testResults.flatMap(({ name, status, assertionResults }) => {
    const failed = assertionResults.filter((one) => one.status === "failed").map(({ title }) => title);
    return failed.length === 0 && status === "failed" ? [`${name} cannot be loaded`] : failed;
  });
}

function tableOf(verdicts: readonly Verdict[]): string {
  return [
    "| broken | where | laws that fail | one of them |",
    "| --- | --- | --- | --- |",
    ...verdicts.map(
      ({ mutation, caughtBy }) =>
        `| ${mutation.what} | \`${mutation.file}\` | ${caughtBy.length} | ${caughtBy[0].replaceAll("|", "\\|")} |`,
    ),
    "",
  ].join("\n");
}
