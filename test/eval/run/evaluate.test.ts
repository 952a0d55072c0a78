import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { NuwaError } from "../../../src/core/errors.ts";
import { run, tensorsIn } from "../../../src/core/readback.ts";
import { requireAsked } from "../../../src/eval/run/asked.ts";
import { evaluate } from "../../../src/eval/run/evaluate.ts";
import { openJournal } from "../../../src/eval/run/journal.ts";
import { batchesOf } from "../../../src/eval/run/plan.ts";
import type { Sample } from "../../../src/eval/run/sample.ts";
import { runOf } from "../../../src/eval/run/settings.ts";
import { summarise } from "../../../src/eval/score/summary.ts";
import { summaryTable } from "../../../src/eval/score/summary-table.ts";
import { scenesOf } from "../../../src/eval/tasks/shapes-tasks.ts";
import { preprocess } from "../../../src/io/image.ts";
import { loadVlm } from "../../../src/io/load.ts";
import { none } from "../../../src/methods/none.ts";
import { disposeModel } from "../../../src/model/vlm.ts";
import type { LoadedVlm } from "../../../src/pipeline/answer.ts";
import { generate } from "../../../src/pipeline/generate.ts";
import { forward } from "../../../src/pipeline/prefill.ts";
import { batchOf, buildPrompt } from "../../../src/pipeline/processor.ts";
import { scenePng } from "../../../src/world/rendering.ts";
import { nuwa } from "../../cli/support.ts";
import { microModel, newFolder, PLAN, removeFolders, stoppingAfter } from "../support.ts";

const OPTIONS = { limit: 5 };
const SCENES = scenesOf(PLAN);

describe("an evaluation", () => {
  let vlm: LoadedVlm;
  let folder: string;
  let whole: Sample[];
  let leak: number;

  beforeAll(async () => {
    await useBackend("wasm");
    folder = await microModel();
    vlm = loadVlm(folder);
    const before = tf.memory().numTensors;
    whole = (await evaluate(
      vlm,
      PLAN,
      batchesOf(PLAN),
      openJournal(newFolder(), OPTIONS),
      stoppingAfter(1e9),
    )) as Sample[];
    leak = tf.memory().numTensors - before;
  });
  afterAll(() => {
    disposeModel(vlm.model);
    removeFolders();
  });

  it("draws anew for every batch what a method draws at random", async () => {
    const draws = new Set<number>();
    const batches = batchesOf(PLAN);
    const journal = openJournal(newFolder(), OPTIONS);
    await evaluate(vlm, PLAN, batches, journal, stoppingAfter(1e9), (setting, draw) => {
      draws.add(draw);
      return runOf(setting, vlm.model.config, draw);
    });
    expect([...draws]).toEqual(batches.map((_, number) => PLAN.seed + number));
    expect(batches.length).toBeGreaterThan(1);
  });

  it("answers every question in every setting once and leaves no tensors", () => {
    expect(whole).toHaveLength(5 * 13 * PLAN.settings.length);
    expect(leak).toBe(0);
    // 7 tokens enter the first of two layers and 1 leaves it.
    expect(whole.find(({ method }) => method === "nuwa")).toMatchObject({ tokensEntering: 4, tokensLeaving: 1 });
    expect(whole.find(({ method }) => method === "none")).toMatchObject({ tokensEntering: 16, tokensLeaving: 16 });
  });

  it("asks exactly what `nuwa ask` asks: a question alone, through its file, has the same answer", async () => {
    const { model, template, tokenizer, preprocessing } = vlm;
    const path = join(newFolder(), "scene.png");
    writeFileSync(path, await scenePng(SCENES[1], 32));
    const { pixels } = batchOf([await preprocess(path, preprocessing)]);
    const own = whole.filter(({ scene, method }) => scene === SCENES[1].seed && method === "none").slice(0, 3);
    expect(own).toHaveLength(3);
    for (const { question, answer } of own) {
      const { ids } = buildPrompt(template, tokenizer, model.config.imageTokenId, question);
      const result = await run(() => forward(model, { pixels, prompts: [ids] }, none()));
      const said: number[] = [];
      for await (const [id] of generate(model, result, { maxNewTokens: 16 })) said.push(id as number);
      expect(tokenizer.decode(said)).toBe(answer);
      tf.dispose(tensorsIn(result));
    }
    pixels.dispose();
  });

  it("records an answer that cannot be decoded or marked as a wrong one, and goes on", async () => {
    const plan = { ...PLAN, settings: PLAN.settings.slice(0, 1), limit: 1 };
    const broken = () => {
      throw new NuwaError("no text");
    };
    const right = () => ({ correct: true, iou: null, centre: null });
    const batches = batchesOf(plan);
    const [first, ...others] = batches[0].items;
    const unmarked = [{ ...batches[0], items: [{ ...first, mark: broken }, ...others] }];
    // Wrong also where no answer would be right, and for its first reason.
    const hopeless = [
      {
        ...batches[0],
        items: [{ ...first, mark: () => expect.fail("marked") }, ...others.map((item) => ({ ...item, mark: right }))],
      },
    ];
    const undecoded = { ...vlm, tokenizer: { ...vlm.tokenizer, decode: broken } };
    const [marking, decoding] = [
      await evaluate(vlm, plan, unmarked, openJournal(newFolder(), OPTIONS), stoppingAfter(99)),
      await evaluate(undecoded, plan, hopeless, openJournal(newFolder(), OPTIONS), stoppingAfter(99)),
    ];
    expect(marking?.filter(({ failed }) => failed !== undefined)).toMatchObject([
      { id: first.id, correct: false, failed: "marking: no text" },
    ]);
    expect(decoding).toHaveLength(batches[0].items.length);
    for (const sample of decoding ?? [])
      expect(sample).toMatchObject({ answer: "", correct: false, failed: "no text" });
    const rows = summarise(decoding ?? [], plan.settings, 1);
    expect(summaryTable(rows, decoding ?? [])).toMatch(/^13 of 13 answers could not be decoded or marked/m);
  });

  it("that was stopped, and whose last line was cut off by a kill, goes on to the same samples", async () => {
    const out = newFolder();
    expect(await evaluate(vlm, PLAN, batchesOf(PLAN), openJournal(out, OPTIONS), stoppingAfter(3))).toBeUndefined();
    const path = join(out, "samples.jsonl");
    const lines = readFileSync(path, "utf8").trim().split("\n");
    expect(lines).toHaveLength(3 * 4 * 13);
    expect(lines.map((line) => JSON.parse(line))).toEqual(whole.slice(0, lines.length));
    writeFileSync(path, `${lines.slice(0, 100).join("\n")}\n`);
    appendFileSync(path, lines[100].slice(0, 50));

    const resumed = (await evaluate(
      vlm,
      PLAN,
      batchesOf(PLAN),
      openJournal(out, OPTIONS),
      stoppingAfter(1e9),
    )) as Sample[];
    expect(resumed).toEqual(whole);
    expect(readFileSync(path, "utf8")).toBe(whole.map((sample) => `${JSON.stringify(sample)}\n`).join(""));
    expect(summarise(resumed, PLAN.settings, 7)).toEqual(summarise(whole, PLAN.settings, 7));
  });

  it("refuses a journal with an answer twice or one that was not asked, and names the line", () => {
    const batches = batchesOf(PLAN);
    const check = (samples: readonly Sample[]) =>
      requireAsked("samples.jsonl", samples, batches, PLAN.settings, { seed: 7, layers: 2, tokens: 16 });
    check(whole);
    check(whole.slice(0, 5));
    expect(() => check([...whole.slice(0, 3), whole[1]])).toThrow(/^samples\.jsonl: line 4: field "id".*twice/);
    expect(() => check([{ ...whole[0], method: "zzz" }])).toThrow(/line 1: .*"zzz"/);
    expect(() => check([whole[0], { ...whole[1], id: "nowhere" }])).toThrow(/line 2: .*"nowhere"/);
  });

  it("of fewer tasks or scenes asks a part of the same questions", async () => {
    const plan = { ...PLAN, tasks: ["shapes-grounding"], limit: 2, settings: PLAN.settings.slice(0, 1) } as const;
    const part = (await evaluate(
      vlm,
      plan,
      batchesOf(plan),
      openJournal(newFolder(), {}),
      stoppingAfter(1e9),
    )) as Sample[];
    const texts = (samples: readonly Sample[]) => samples.map(({ scene, question }) => `${scene} ${question}`);
    const scenes: Sample["scene"][] = scenesOf({ ...PLAN, limit: plan.limit }).map(({ seed }) => seed);
    const wanted = whole.filter(
      ({ scene, family, method }) => scenes.includes(scene) && family === "grounding" && method === "none",
    );
    expect(texts(part)).toEqual(texts(wanted));
  });

  it("of another seed is of other scenes, each different", () => {
    const seeds = (seed: number) => scenesOf({ split: "test", seed, limit: 50 }).map((scene) => scene.seed);
    expect(new Set([...seeds(1), ...seeds(2)]).size).toBe(100);
    expect(seeds(1)).toEqual(seeds(1));
  });

  it("is refused in a folder that holds another one, naming the first option that differs", () => {
    const out = newFolder();
    openJournal(out, { split: "test", limit: 5 });
    openJournal(out, { split: "test", limit: 5 });
    expect(() => openJournal(out, { split: "test", limit: 6 })).toThrow(/has limit 5, not 6\. Give another --out/);
    const stray = newFolder();
    writeFileSync(join(stray, "samples.jsonl"), "");
    expect(() => openJournal(stray, {})).toThrow(/without options\.json/);
  });

  it("names the line of a damaged journal", () => {
    const out = newFolder();
    openJournal(out, {});
    writeFileSync(join(out, "samples.jsonl"), `${JSON.stringify(whole[0])}\n{"task":"shapes-vqa"}\n`);
    expect(() => openJournal(out, {})).toThrow(/samples\.jsonl: line 2: field "family"/);
    const { tokensEntering, tokensLeaving, ...rest } = whole[0];
    const older = { ...rest, visualTokens: tokensEntering };
    writeFileSync(join(out, "samples.jsonl"), `${JSON.stringify(older)}\n`);
    expect(() => openJournal(out, {})).toThrow(
      /samples\.jsonl: line 1: field "tokensEntering": .* of another version .* in another folder\.$/,
    );
    writeFileSync(join(out, "samples.jsonl"), "{]\n");
    expect(() => openJournal(out, {})).toThrow(/line 1: is not JSON/);
    const latin1 = Buffer.from(`"\xe9"\n{`, "latin1");
    writeFileSync(join(out, "samples.jsonl"), latin1);
    expect(() => openJournal(out, {})).toThrow(/samples\.jsonl: is not UTF-8 text\./);
    expect(readFileSync(join(out, "samples.jsonl"))).toEqual(latin1);
  });

  it("from the command line writes its files, goes on from them, and refuses other options there", async () => {
    const out = newFolder();
    const command = ["eval", "--model", folder, "--backend", "wasm", "--out", out, "--methods", "none,blind"];
    const first = await nuwa(...command, "--limit", "1");
    expect(first).toMatchObject({ code: 0, err: "26/26 answers  0 s left\n" });
    const files = ["options.json", "samples.jsonl", "summary.json", "summary.md"].map((name) => join(out, name));
    const before = files.map((path) => readFileSync(path, "utf8"));
    expect(before[1].trim().split("\n")).toHaveLength(2 * 13);
    const rows = JSON.parse(before[2]) as { family: string; n: number }[];
    expect(rows.filter(({ family }) => family === "all" || family === "grounding").every(({ n }) => n > 0)).toBe(true);
    expect(await nuwa(...command, "--limit", "1")).toMatchObject({ code: 0 });
    expect(files.map((path) => readFileSync(path, "utf8"))).toEqual(before);
    const refused = await nuwa(...command, "--limit", "2");
    expect(refused.code).toBe(2);
    expect(refused.err).toMatch(/^nuwa: .*has limit 1, not 2.*\n$/);
  });
});

describe("wrong options are refused in one line:", () => {
  it.each([
    [["--tasks", "vqa"], 2, /task "vqa" does not exist\. There are: shapes-vqa, shapes-grounding/],
    [["--methods", "none,magic"], 2, /method "magic" does not exist\. There are: none, nuwa, .*permuted/],
    [["--methods", "none,none"], 2, /method "none" is named twice/],
    [["--methods", ""], 2, /method "" does not exist/],
    [["--variants", "mine"], 2, /variant "mine" does not exist/],
    [["--positions", "sideways"], 2, /position policy "sideways" does not exist/],
    [["--averages", "1/3,x"], 2, /average "x" is not a number/],
    [["--averages", "99999"], 2, /exceeds the \d+ visual tokens/],
    [["--split", "holdout"], 2, /split/],
    [["--limit", "0"], 2, /"0" must be at least 1/],
    [["--seed", "1.5"], 2, /"1\.5" is not an integer/],
    [["--out", ""], 2, /--out is empty/],
    [["--tasks", "mme", "--data", ""], 2, /--data is empty/],
    [["--limit", "1000000000"], 2, /limit 1000000000 .* at most 100000 scenes/],
    [["--model", "nowhere"], 1, /nowhere: is not a checkpoint folder/],
  ])("%j", async (argv, code, message) => {
    const outcome = await nuwa("eval", "--out", newFolder(), ...argv);
    expect(outcome.code).toBe(code);
    expect(outcome.err).toMatch(message);
    expect(outcome.err.trim().split("\n")).toHaveLength(1);
    expect(outcome.out).toBe("");
  });
});
