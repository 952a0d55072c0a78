import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { createProgram } from "../../../src/cli/main.ts";
import { parseShard } from "../../../src/eval/run/plan.ts";
import { temporaryFolder } from "../support.ts";

const PROJECT = fileURLToPath(new URL("../../..", import.meta.url));
const SLURM = join(PROJECT, "docs/cluster/slurm-array.sbatch");
const KUBERNETES = join(PROJECT, "docs/cluster/kubernetes-indexed-job.yaml");
const slurm = readFileSync(SLURM, "utf8");
const kubernetes = readFileSync(KUBERNETES, "utf8");

/** A folder whose `node` prints its arguments, one a line. */
let stub: string;
beforeAll(() => {
  stub = temporaryFolder();
  writeFileSync(join(stub, "node"), `#!/bin/sh\nprintf '%s\\n' "$@"\n`);
  chmodSync(join(stub, "node"), 0o755);
});

/** What a script would have Node run, by the scheduler's variables. */
function argvOf(bash: readonly string[], variables: Readonly<Record<string, string>>): string[] {
  const PATH = `${stub}${delimiter}${process.env.PATH}`;
  const env = { ...process.env, NUWA_RESULTS: undefined, PATH, ...variables };
  const { status, stdout, stderr } = spawnSync("bash", [...bash], { cwd: temporaryFolder(), env, encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
  return stdout.trimEnd().split("\n");
}

/** The options of `nuwa eval …`, read as the program does. Options or values that it does not know throw. */
function parsed(argv: readonly string[]): Record<string, unknown> {
  const command = createProgram().commands.find((one) => one.name() === argv[0]);
  const own = command?.commands.find((one) => one.name() === argv[1]) ?? command;
  if (!own || own.name() === "nuwa") return expect.fail(`no command in ${argv.join(" ")}`);
  const { unknown } = own.parseOptions(argv.slice(own === command ? 1 : 2) as string[]);
  expect(unknown, argv.join(" ")).toEqual([]);
  return own.opts();
}

const job = parse(kubernetes);
const [container] = job.spec.template.spec.containers;

describe("the Kubernetes example", () => {
  const pod = (index: number) =>
    argvOf([...container.command.slice(1), ...container.args], { JOB_COMPLETION_INDEX: String(index) });

  it("is an indexed job with as many completions as there are shards, which run at once", () => {
    expect(job).toMatchObject({ kind: "Job", apiVersion: "batch/v1", spec: { completionMode: "Indexed" } });
    expect(container.command[0]).toBe("bash");
    expect(parseShard(parsed(pod(0).slice(1)).shard as string).count).toBe(job.spec.completions);
    expect(job.spec.parallelism).toBeLessThanOrEqual(job.spec.completions);
  });

  it("answers every shard once, each into a folder of its own on the volume that is mounted", () => {
    const { completions } = job.spec;
    const pods = Array.from({ length: completions }, (_, index) => parsed(pod(index).slice(1)));
    expect(pods.map(({ shard }) => parseShard(shard as string).index)).toEqual(pods.map((_, i) => i + 1));
    expect(new Set(pods.map(({ out }) => out)).size).toBe(completions);
    const [{ name, mountPath }] = container.volumeMounts;
    for (const { out } of pods) expect(out).toMatch(new RegExp(`^${mountPath}/shard-`));
    expect(job.spec.template.spec.volumes).toMatchObject([{ name }]);
  });

  it("runs the project's program with a model that comes with it", () => {
    const [program, ...argv] = pod(0);
    expect(existsSync(join(PROJECT, program)), program).toBe(true);
    expect(existsSync(join(PROJECT, parsed(argv).model as string))).toBe(true);
  });
});

describe("the Slurm example", () => {
  const task = (index: number, ...options: string[]) =>
    argvOf([SLURM, ...options], { SLURM_ARRAY_TASK_ID: String(index), SLURM_ARRAY_TASK_COUNT: "16" });

  it("is a script that bash understands", () => {
    const { status, stderr } = spawnSync("bash", ["-n", SLURM], { encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
  });

  it("answers every task's shard into a folder of its own, with the options that it was given", () => {
    const example = /sbatch --array=1-(\d+) \S+ (.+)$/m.exec(slurm) as RegExpExecArray;
    expect(slurm).toContain(`\n#SBATCH --array=1-${example[1]}\n`);
    for (const index of [1, 16]) {
      const [program, ...argv] = task(index, ...example[2].split(" "));
      expect(program).toBe("bin/nuwa.js");
      expect(parsed(argv)).toMatchObject({
        ...{ shard: `${index}/16`, out: `out/sweep/shard-${index}` },
        ...{ model: "weights/shapes", limit: 2000 },
      });
    }
  });

  it("runs nowhere but in an array", () => {
    const env = { ...process.env, PATH: `${stub}${delimiter}${process.env.PATH}`, SLURM_ARRAY_TASK_ID: undefined };
    const { status, stdout } = spawnSync("bash", [SLURM], { cwd: temporaryFolder(), env, encoding: "utf8" });
    expect([status, stdout]).toEqual([1, ""]);
  });
});

it.each([
  ["Slurm", slurm],
  ["Kubernetes", kubernetes],
])("the %s example says how its shards are merged, in options that there are", (_, text) => {
  const [, merge] = /npx --no-install nuwa (eval merge .*)$/m.exec(text) as RegExpExecArray;
  expect(parsed(merge.split(" ")).out).toMatch(/\/whole$/);
});

it("an option that does not exist is found, and so is a wrong value", () => {
  expect(() => parsed(["eval", "--parts", "2"])).toThrow();
  expect(() => parsed(["eval", "--shard", "17/16"])).toThrow(/not one of/);
});
