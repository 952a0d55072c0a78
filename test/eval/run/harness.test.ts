import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mergeShards } from "../../../src/eval/run/merge.ts";
import { parseShard } from "../../../src/eval/run/plan.ts";
import { editJson, listing, nuwa, type Outcome } from "../../cli/support.ts";
import { type Compiled, compiled, inProcess, NUWA } from "../../compiled.ts";
import { microModel, newFolder, removeFolders } from "../support.ts";

const PROJECT = fileURLToPath(new URL("../../..", import.meta.url));
/** What a whole evaluation leaves, apart from its plot as pixels. */
const FILES = ["options.json", "samples.jsonl", "scores.svg", "summary.json", "summary.md"];
/** Scenes of the evaluation: a batch of four or fewer for each of three shards. */
const LIMIT = 9;
/** Questions on a scene, under two settings. */
const ANSWERS = LIMIT * 13 * 2;
/** All that goes to stderr, where that is a log: how far it came, or nothing when all was answered before. */
const PROGRESS = /^((\d+)\/\2 answers {2}0 s left\n)?$/;

describe("an evaluation in parts", () => {
  let program: Compiled;
  let command: string[];
  let whole: string;
  let shards: string[];

  /** Runs the command line; with workers as a process of its own, whose workers are the compiled program, too. */
  const run = (...argv: string[]): Promise<Outcome> =>
    argv.includes("--workers") ? inProcess(program.files.nuwa, ...argv) : nuwa(...argv);
  const contents = (folder: string) => FILES.map((name) => readFileSync(join(folder, name), "utf8"));
  const succeeds = async (...argv: string[]) => {
    const outcome = await run(...argv);
    expect(outcome).toMatchObject({ code: 0, err: expect.stringMatching(PROGRESS) });
    return outcome.out;
  };

  beforeAll(async () => {
    program = await compiled({ nuwa: NUWA });
    command = ["eval", "--model", await microModel(), "--backend", "wasm", "--limit", String(LIMIT)];
    command.push("--methods", "none,nuwa", "--averages", "1/2");
    [whole, ...shards] = Array.from({ length: 4 }, newFolder);
    await succeeds(...command, "--out", whole);
    for (const [i, out] of shards.entries()) await succeeds(...command, "--out", out, "--shard", `${i + 1}/3`);
  });
  afterAll(() => {
    program.remove();
    removeFolders();
  });

  it("leaves a journal, its options, and the summary as JSON, Markdown and plots", () => {
    expect(listing(whole)).toEqual([...FILES, "scores.png"].sort());
    const svg = readFileSync(join(whole, "scores.svg"), "utf8");
    expect(svg).toContain("shapes-vqa accuracy");
    expect(svg).toContain("shapes-grounding ACC@0.5");
    expect(svg).toContain("nuwa, official, original");
  });

  it("gives, merged in any order, the files of the same evaluation in one piece to the byte", async () => {
    const out = newFolder();
    await succeeds("eval", "merge", shards[2], shards[0], shards[1], "--out", out);
    expect(contents(out)).toEqual(contents(whole));
    // And the folder goes on as such: all is answered.
    await succeeds(...command, "--out", out);
    expect(contents(out)).toEqual(contents(whole));
  });

  it("a shard has a part of the answers and no summary", () => {
    for (const shard of shards) expect(listing(shard)).toEqual(["options.json", "samples.jsonl"]);
    const counts = shards.map((shard) => readFileSync(join(shard, "samples.jsonl"), "utf8").trim().split("\n").length);
    expect(counts.every((count) => count > 0)).toBe(true);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(ANSWERS);
  });

  it("by workers gives the same files", async () => {
    const out = newFolder();
    await succeeds(...command, "--out", out, "--workers", "2");
    expect(contents(out)).toEqual(contents(whole));
    expect(listing(out)).toContain("shard-2-of-2");
  });

  it("with a worker that fails is one line, of that worker", async () => {
    const outcome = await run("eval", "--model", "nowhere", "--out", newFolder(), "--workers", "2");
    expect(outcome.code).toBe(1);
    expect(outcome.err).toMatch(/^nuwa: worker [12]\/2: nowhere: is not a checkpoint folder.*\n$/);
  });

  it.each([
    { how: "alone", more: [] },
    { how: "with workers", more: ["--workers", "1"] },
  ])("that cannot keep to an average says so once, $how", async ({ more }) => {
    const settings = ["--methods", "fastv", "--averages", "1/4", "--positions", "original,compressed"];
    const outcome = await run(...command, ...settings, "--out", newFolder(), ...more);
    expect(outcome).toMatchObject({
      code: 0,
      err:
        "note: fastv at 1/4: enters 8.5 tokens a layer, not 4.0: its first layer keeps everything\n" +
        `${ANSWERS}/${ANSWERS} answers  0 s left\n`,
    });
  });

  it("killed in the middle and run again gives the same files to the byte; until then its folder is its own", async () => {
    const out = newFolder();
    const journal = join(out, "samples.jsonl");
    const child = spawn(process.execPath, [program.files.nuwa, ...command, "--out", out], { stdio: "ignore" });
    const ended = new Promise<NodeJS.Signals | null>((done) => child.on("exit", (_, signal) => done(signal)));
    while (child.exitCode === null && !(existsSync(journal) && readFileSync(journal, "utf8").includes("\n")))
      await new Promise((done) => setTimeout(done, 5));
    // Held where it is, so that it is not at its end before the others have tried.
    child.kill("SIGSTOP");
    for (const more of [[], ["--workers", "2"]]) {
      const { code, err } = await nuwa(...command, "--out", out, ...more);
      expect([code, err]).toEqual([1, expect.stringContaining(`nuwa: ${out}: process ${child.pid} is writing there.`)]);
      expect(err.trim().split("\n")).toHaveLength(1);
    }
    const merge = await nuwa("eval", "merge", ...shards, "--out", out);
    expect([merge.code, merge.err]).toEqual([1, expect.stringContaining(`process ${child.pid} is writing there.`)]);
    child.kill("SIGKILL");
    expect(await ended).toBe("SIGKILL");
    expect(listing(out)).toEqual(["nuwa.lock", "options.json", "samples.jsonl"]);
    expect(readFileSync(journal, "utf8").length).toBeLessThan(contents(whole)[1].length);
    await succeeds(...command, "--out", out);
    expect(contents(out)).toEqual(contents(whole));
  });

  it.each([
    { how: "alone", more: [] },
    { how: "with workers", more: ["--workers", "1"] },
  ])("asked to stop, $how, ends with code 1 after a batch, and goes on from there", async ({ more }) => {
    const out = newFolder();
    const argv = [...command, "--out", out, ...more];
    const child = spawn(process.execPath, [program.files.nuwa, ...argv], { stdio: ["ignore", "ignore", "pipe"] });
    let complaint = "";
    child.stderr.on("data", (text) => {
      complaint += text;
    });
    const ended = new Promise<number | null>((done) => child.on("close", done));
    const journals = [out, join(out, "shard-1-of-1")].map((folder) => join(folder, "samples.jsonl"));
    while (child.exitCode === null && !journals.some((path) => existsSync(path)))
      await new Promise((done) => setTimeout(done, 5));
    child.kill("SIGTERM");
    expect(await ended).toBe(1);
    expect(complaint).toMatch(/nuwa: stopped; the same command goes on where it was\.\n$/);
    expect(existsSync(join(out, "summary.json"))).toBe(false);
    for (const folder of [out, join(out, "shard-1-of-1")])
      expect(existsSync(join(folder, "nuwa.lock")), folder).toBe(false);
    await succeeds(...argv);
    expect(contents(out)).toEqual(contents(whole));
  });

  it("with a worker that is killed says so, not how far it came, and goes on from there", async () => {
    const out = newFolder();
    const lock = join(out, "shard-2-of-2", "nuwa.lock");
    const outcome = run(...command, "--out", out, "--workers", "2");
    while (!existsSync(lock) || readFileSync(lock, "utf8") === "") await new Promise((done) => setTimeout(done, 5));
    process.kill(JSON.parse(readFileSync(lock, "utf8")).pid, "SIGKILL");
    expect(await outcome).toMatchObject({
      code: 1,
      err: "nuwa: worker 2/2: was ended by SIGKILL. Run the command again; it goes on where it was.\n",
    });
    await succeeds(...command, "--out", out, "--workers", "2");
    expect(contents(out)).toEqual(contents(whole));
  });

  it("leaves no worker behind when it is killed", async () => {
    const out = newFolder();
    const child = spawn(
      process.execPath,
      [program.files.nuwa, ...command, "--limit", "200", "--out", out, "--workers", "1"],
      {
        stdio: "ignore",
      },
    );
    const [journal, lock] = ["samples.jsonl", "nuwa.lock"].map((name) => join(out, "shard-1-of-1", name));
    while (child.exitCode === null && !existsSync(journal)) await new Promise((done) => setTimeout(done, 5));
    child.kill("SIGKILL");
    // The worker lets go of its folder when it ends.
    while (existsSync(lock)) await new Promise((done) => setTimeout(done, 20));
    expect(readFileSync(journal, "utf8").split("\n").length).toBeLessThan(200 * 13 * 2);
  });

  it("as a Slurm job array, by the example file, gives the same shards", async () => {
    const results = newFolder();
    const [, ...options] = command;
    const { status, stderr } = spawnSync("bash", [join(PROJECT, "docs/cluster/slurm-array.sbatch"), ...options], {
      cwd: PROJECT,
      env: { ...process.env, SLURM_ARRAY_TASK_ID: "2", SLURM_ARRAY_TASK_COUNT: "3", NUWA_RESULTS: results },
      encoding: "utf8",
    });
    expect([status, stderr]).toEqual([0, expect.stringMatching(PROGRESS)]);
    for (const name of ["options.json", "samples.jsonl"])
      expect(readFileSync(join(results, "shard-2", name), "utf8")).toBe(readFileSync(join(shards[1], name), "utf8"));
  });

  it("is not merged when a shard is missing, there twice, of another plan, unfinished, or no shard", async () => {
    const [one, two, three] = shards;
    const copy = (change: (folder: string) => void) => {
      const folder = newFolder();
      cpSync(two, folder, { recursive: true });
      change(folder);
      return folder;
    };
    const refusal = async (...folders: string[]) => {
      const out = newFolder();
      const { code, err } = await nuwa("eval", "merge", ...folders, "--out", out);
      expect(err.trim().split("\n")).toHaveLength(1);
      expect(listing(out)).toEqual([]);
      return `${code} ${err}`;
    };
    expect(await refusal(one)).toMatch(/^2 nuwa: shards missing: 2\/3, 3\/3\./);
    expect(await refusal(one, two, three, two)).toContain(`${two}: both are shard 2/3`);
    const other = copy((folder) => editJson(join(folder, "options.json"), (json) => Object.assign(json, { seed: 45 })));
    expect(await refusal(one, other, three)).toContain(`${other}: are shards of different evaluations: seed 44 and 45`);
    const files = copy((folder) =>
      editJson(join(folder, "options.json"), (json) => Object.assign(json, { questions: "" })),
    );
    expect(await refusal(one, files, three)).toMatch(/different evaluations: questions/);
    const fewer = copy((folder) =>
      editJson(join(folder, "options.json"), (json) => Object.assign(json, { shard: "2/4" })),
    );
    expect(await refusal(one, fewer, three)).toMatch(/different evaluations: shards 3 and 4/);
    const unfinished = copy((folder) => {
      const lines = readFileSync(join(folder, "samples.jsonl"), "utf8").split("\n");
      writeFileSync(join(folder, "samples.jsonl"), `${lines.slice(0, 5).join("\n")}\n`);
    });
    expect(await refusal(one, unfinished, three)).toMatch(/^1 .*has 5 of its \d+ answers/);
    const journal = join(unfinished, "samples.jsonl");
    const half = `${readFileSync(journal, "utf8")}{"task":"shapes-v`;
    writeFileSync(journal, half);
    expect(await refusal(one, unfinished, three)).toContain(
      `1 nuwa: ${journal}: its last line is not finished: the shard is still running, or was killed.`,
    );
    expect(readFileSync(journal, "utf8")).toBe(half);
    expect(await refusal(whole)).toMatch(/^2 .*is not of a shard/);
    const damaged = shards.map((shard) => {
      const folder = newFolder();
      cpSync(shard, folder, { recursive: true });
      editJson(join(folder, "options.json"), (json) => Object.assign(json, { methods: ["magic"] }));
      return folder;
    });
    expect(await refusal(...damaged)).toMatch(
      /^1 nuwa: \S+samples\.jsonl: line 1: field "id": .* not asked under "none"/,
    );
    expect(await refusal("nowhere")).toMatch(/^1 .*options\.json/);
    expect(mergeShards(shards).samples).toHaveLength(ANSWERS);
  });

  it.each<[string, RegExp, (line: Record<string, unknown>, before: unknown) => unknown]>([
    ["an answer twice", /field "id": .* is answered twice or was not asked/, (_, before) => before],
    [
      "a question in other words",
      /field "question": is "x", but was asked as "/,
      (line) => ({ ...line, question: "x" }),
    ],
    ["another right answer", /field "expected": is "x"/, (line) => ({ ...line, expected: "x" })],
    ["a question of another batch", /field "batch": is 7, but was asked as 1/, (line) => ({ ...line, batch: 7 })],
    ["another scene", /field "scene": is -1/, (line) => ({ ...line, scene: -1 })],
    ["another seed", /field "seed": is 45/, (line) => ({ ...line, seed: 45 })],
    [
      "a question that was not asked",
      /field "id": "x" is answered twice or was not asked/,
      (line) => ({ ...line, id: "x" }),
    ],
    ["a setting that was not asked", /not asked under "nuwa"/, (line) => ({ ...line, method: "nuwa" })],
    ["an overlap above 1", /field "iou": 2 is no share/, (line) => ({ ...line, iou: 2, centre: true, correct: true })],
    [
      "an overlap that is wrong, but right",
      /field "correct": is true with/,
      (line) => ({ ...line, iou: 0, centre: true, correct: true }),
    ],
    ["a centre without a box", /field "centre"/, (line) => ({ ...line, iou: null, centre: true })],
    ["a mark above 1", /field "marks\.accuracy": 1\.5 is no mark/, (line) => ({ ...line, marks: { accuracy: 1.5 } })],
    ["fewer tokens than none", /field "tokensLeaving": -1 is not/, (line) => ({ ...line, tokensLeaving: -1 })],
    [
      "more tokens than the model has",
      /field "tokensEntering": 17 is not between 0 and 16/,
      (line) => ({ ...line, tokensEntering: 17 }),
    ],
    [
      "a third of a token",
      /field "tokensEntering": 5\.3 is no average over 2 layers/,
      (line) => ({ ...line, tokensEntering: 5.3 }),
    ],
    [
      "an endless answer",
      /field "answer": has 100001 characters/,
      (line) => ({ ...line, answer: "x".repeat(100_001) }),
    ],
    [
      "an average without end",
      /line 3: is not JSON|line 3: field "tokensEntering"/,
      (line) => ({ ...line, tokensEntering: Number.NaN }),
    ],
  ])("with %s in its journal is neither merged nor gone on with", async (_, message, change) => {
    const damaged = newFolder();
    cpSync(shards[1], damaged, { recursive: true });
    const journal = join(damaged, "samples.jsonl");
    const lines = readFileSync(journal, "utf8").trim().split("\n");
    lines[2] = JSON.stringify(change(JSON.parse(lines[2]), JSON.parse(lines[1])));
    writeFileSync(journal, `${lines.join("\n")}\n`);
    const out = newFolder();
    for (const argv of [
      ["eval", "merge", shards[0], damaged, shards[2], "--out", out],
      [...command, "--out", damaged, "--shard", "2/3"],
    ]) {
      const { code, err } = await nuwa(...argv);
      expect([code, err]).toEqual([1, expect.stringMatching(/^nuwa: .*samples\.jsonl: line 3: .*\n$/)]);
      expect(err).toMatch(message);
      expect(err.trim().split("\n")).toHaveLength(1);
    }
    expect(listing(out)).toEqual([]);
  });

  it("is not merged when its plan asks for other answers, or counts them wrongly", async () => {
    const refused = async (change: Record<string, unknown>) => {
      const folders = shards.map((shard) => {
        const folder = newFolder();
        cpSync(shard, folder, { recursive: true });
        editJson(join(folder, "options.json"), (json) => Object.assign(json, change));
        return folder;
      });
      const { code, err } = await nuwa("eval", "merge", ...folders, "--out", newFolder());
      expect(code).not.toBe(0);
      return err;
    };
    expect(await refused({ seed: 45 })).toMatch(/options\.json: field "questions": is not the fingerprint/);
    expect(await refused({ questions: "0".repeat(64) })).toMatch(/options\.json: field "questions"/);
    expect(await refused({ answers: 1 })).toMatch(/options\.json: field "answers": is 1, but its plan asks for/);
    expect(await refused({ layers: 0 })).toMatch(/options\.json: field "layers"/);
    expect(await refused({ tasks: [] })).toMatch(/options\.json: field "tasks"/);
    expect(await refused({ methods: ["none"] })).toMatch(/samples\.jsonl: line \d+: .*not asked under "nuwa"/);
    expect(await refused({ methods: ["./mine.ts"] })).toMatch(/options\.json: field "settings": lacks a method/);
  });

  it("is merged without running a method's file that its plan names", async () => {
    const [ran, method] = ["ran", "evil.ts"].map((name) => join(newFolder(), name));
    writeFileSync(method, `import { writeFileSync } from "node:fs"; writeFileSync(${JSON.stringify(ran)}, "");`);
    const folders = shards.map((shard) => {
      const folder = newFolder();
      cpSync(shard, folder, { recursive: true });
      const settings = [{ method, variant: null, average: "1/9", positions: "original" }];
      editJson(join(folder, "options.json"), (json) => Object.assign(json, { methods: [method], settings }));
      return folder;
    });
    const { code } = await nuwa("eval", "merge", ...folders, "--out", newFolder());
    expect(code).toBe(1);
    expect(existsSync(ran)).toBe(false);
  });

  it("by workers, of which one's folder is damaged, ends with the worker's line, on a terminal too", async () => {
    const tty = Object.getOwnPropertyDescriptor(process.stderr, "isTTY");
    Object.defineProperty(process.stderr, "isTTY", { value: true, configurable: true });
    try {
      const out = newFolder();
      mkdirSync(join(out, "shard-1-of-1"));
      writeFileSync(join(out, "shard-1-of-1", "options.json"), "{");
      const { code, err } = await nuwa(...command, "--out", out, "--workers", "1");
      expect([code, err]).toEqual([1, expect.stringMatching(/^nuwa: worker 1\/1: .*options\.json: is not JSON.*\n$/)]);
    } finally {
      Object.defineProperty(process.stderr, "isTTY", tty ?? { value: undefined, configurable: true });
    }
  });

  it("by workers refuses a shard's folder that is a link", async () => {
    const [out, elsewhere] = [newFolder(), newFolder()];
    symlinkSync(elsewhere, join(out, "shard-1-of-2"));
    const { code, err } = await nuwa(...command, "--out", out, "--workers", "2");
    expect([code, err]).toEqual([1, expect.stringMatching(/shard-1-of-2: cannot be written \(it is a link/)]);
    expect(listing(elsewhere)).toEqual([]);
  });

  it("is not merged into a folder that holds another evaluation", async () => {
    const before = readFileSync(join(shards[0], "samples.jsonl"), "utf8");
    const { code, err } = await nuwa("eval", "merge", ...shards, "--out", shards[0]);
    expect([code, err]).toEqual([2, expect.stringMatching(/the evaluation in this folder has/)]);
    expect(readFileSync(join(shards[0], "samples.jsonl"), "utf8")).toBe(before);
  });
});

it.each(["0/2", "3/2", "2", "1/2/3", "-1/2", "1.5/2", ""])("shard %j is refused", (text) => {
  expect(() => parseShard(text)).toThrow(/is not one of 1\/n/);
});

it.each([
  [["--shard", "5/4"], /shard "5\/4" is not one of/],
  [["--shard", "1/4", "--workers", "2"], /--workers.*cannot be used with.*--shard/],
  [["--workers", "0"], /"0" must be at least 1/],
  [["merge", "--out", "x"], /missing required argument 'folders'/],
  [["merge", "one"], /--out/],
])("nuwa eval %j is wrong usage", async (argv, message) => {
  const outcome = await nuwa("eval", ...argv);
  expect(outcome.code).toBe(2);
  expect(outcome.err).toMatch(message);
  expect(outcome.err.trim().split("\n")).toHaveLength(1);
});
