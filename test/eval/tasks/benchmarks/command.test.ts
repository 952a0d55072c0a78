import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sampleSchema } from "../../../../src/eval/run/sample.ts";
import { BENCHMARKS } from "../../../../src/eval/tasks/tasks.ts";
import { editJson, nuwa } from "../../../cli/support.ts";
import { microModel, newFolder, removeFolders } from "../../support.ts";
import { writeAllSamples } from "./samples.ts";

/** All that goes to stderr, where that is a log. */
const DONE = "108/108 answers  0 s left\n";

describe("nuwa eval on benchmarks", () => {
  let command: string[];
  let out: string;

  beforeAll(async () => {
    const data = newFolder();
    await writeAllSamples(data);
    out = newFolder();
    const tasks = ["shapes-vqa", ...BENCHMARKS.map(({ name }) => name)].join(",");
    const model = await microModel();
    // Random weights do not end an answer, and some tasks let it go on for 1024 tokens: it ends with the positions.
    editJson(join(model, "config.json"), ({ text_config }) => {
      Object.assign(text_config, { max_position_embeddings: 96 });
    });
    command = ["eval", "--model", model, "--backend", "wasm", "--tasks", tasks, "--data", data];
    command.push("--methods", "none,nuwa", "--averages", "1/4", "--limit", "2");
    expect(await nuwa(...command, "--out", out)).toMatchObject({ code: 0, err: DONE });
  });
  afterAll(removeFolders);

  const samples = () =>
    readFileSync(join(out, "samples.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => sampleSchema.parse(JSON.parse(line)));

  it("asks every task under every method and journals each answer with what it was asked", () => {
    const counts = new Map<string, number>();
    for (const { task, method } of samples())
      counts.set(`${task} ${method}`, (counts.get(`${task} ${method}`) ?? 0) + 1);
    expect(Object.fromEntries([...counts].filter(([key]) => key.endsWith(" nuwa")))).toMatchObject({
      ...{ "refcoco nuwa": 3, "refcoco+ nuwa": 2, "refcocog nuwa": 2, "gqa nuwa": 2, "pope nuwa": 8, "mme nuwa": 8 },
      ...{ "textvqa nuwa": 2, "scienceqa nuwa": 2, "mmbench nuwa": 3 },
    });
    expect(counts.size).toBe(2 * 10);
    expect(samples().find(({ method }) => method === "nuwa")?.tokensEntering).toBe(4);
  });

  it("summarises the world of shapes and the benchmarks in a table each, with intervals", () => {
    const tables = readFileSync(join(out, "summary.md"), "utf8").trim().split("\n\n");
    expect(tables).toHaveLength(2);
    expect(tables[1]).toContain("| pope F1 | kept | mme score | kept |");
    const rows = JSON.parse(readFileSync(join(out, "summary.json"), "utf8")) as { metric: string; low: number }[];
    expect(rows.every(({ low }) => Number.isFinite(low))).toBe(true);
    expect(readFileSync(join(out, "scores.svg"), "utf8")).toContain("mmbench circular accuracy");
  });

  it("needs the folder of the files, and says which it misses", async () => {
    const run = (...argv: string[]) => nuwa("eval", "--out", newFolder(), "--tasks", "pope", ...argv);
    expect(await run()).toMatchObject({ code: 2, err: expect.stringMatching(/Give their folder with --data/) });
    expect(await run("--data", "nowhere")).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^nuwa: nowhere\/pope: holds none of coco_pope_random\.json.*\n$/),
    });
  });
});
