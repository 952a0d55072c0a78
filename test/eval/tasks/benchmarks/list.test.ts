import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BENCHMARKS } from "../../../../src/eval/tasks/tasks.ts";
import { nuwa } from "../../../cli/support.ts";
import { newFolder, removeFolders } from "../../support.ts";
import { writeAllSamples, writeFiles } from "./samples.ts";

describe("nuwa eval --list", () => {
  let data: string;
  beforeAll(async () => {
    data = newFolder();
    await writeAllSamples(data);
  });
  afterAll(removeFolders);

  /** Without a model and without a place to write to. */
  const list = (...argv: string[]) =>
    nuwa("eval", "--list", "--data", data, "--model", "/nowhere", "--out", "/proc/nowhere", ...argv);

  it("prints each question with its picture, prompt and accepted answers", async () => {
    expect(await list("--tasks", "pope", "--limit", "1")).toMatchObject({
      code: 0,
      err: "",
      out: expect.stringContaining(
        [
          "pope random/1 (random)",
          `  picture   ${join(data, "pope/val2014/COCO_val2014_0.jpg")}`,
          "  prompt    Is there a dog in the image?",
          "            Answer the question using a single word or phrase.",
          "  accepted  yes",
          "",
          "pope random/3 (random)",
          "",
        ].join("\n"),
      ),
    });
  });

  it("prints every task as one JSON array with --json", async () => {
    const tasks = ["shapes-vqa", "shapes-grounding", ...BENCHMARKS.map(({ name }) => name)];
    const { code, out } = await list("--json", "--limit", "2", "--tasks", tasks.join(","));
    expect(code).toBe(0);
    const records = JSON.parse(out) as Record<string, unknown>[];
    expect(new Set(records.map(({ task }) => task))).toEqual(new Set(tasks));
    // Two scenes with thirteen questions each, and those of command.test.ts.
    expect(records).toHaveLength(26 + 32);
    expect(out.trimEnd().split("\n")).toHaveLength(records.length + 2);
    const ofTask = (name: string) => records.find(({ task }) => task === name);
    expect(ofTask("textvqa")).toEqual({
      ...{ task: "textvqa", id: "34602", family: "all", picture: join(data, "textvqa/train_images/003a.jpg") },
      prompt: "What is the brand?\nAnswer the question using a single word or phrase.",
      accepted: ["nokia", "nokia", "Nokia", "toshiba", "the nokia", "nokia.", "noka", "nokia", "nokia", "nokia"],
    });
    expect(ofTask("mmbench")).toMatchObject({
      picture: `row 7 of ${join(data, "mmbench/mmbench_dev_en_20231003.tsv")}`,
      accepted: ["B", "blue"],
    });
    expect(ofTask("refcoco")).toMatchObject({ family: "testA", accepted: ["[0.25,0,0.75,0.5]"] });
    expect(ofTask("shapes-vqa")).toMatchObject({ picture: expect.stringMatching(/^scene \d+ of test$/) });
  });

  it("lists the questions of a shard, which together are all", async () => {
    const ids = async (...argv: string[]) =>
      (JSON.parse((await list("--json", "--tasks", "pope,mme", ...argv)).out) as { id: string }[]).map(({ id }) => id);
    const shards = [...(await ids("--shard", "1/2")), ...(await ids("--shard", "2/2"))];
    expect(shards.sort()).toEqual((await ids()).sort());
  });

  it("needs no pictures, names the file that is wrong, and takes --json with --list alone", async () => {
    const folder = newFolder();
    await writeAllSamples(folder);
    rmSync(join(folder, "gqa/images"), { recursive: true });
    expect(await nuwa("eval", "--list", "--data", folder, "--tasks", "gqa")).toMatchObject({ code: 0, err: "" });
    writeFiles(folder, { "gqa/testdev_balanced_questions.json": "{}x" });
    expect(await nuwa("eval", "--list", "--data", folder, "--tasks", "gqa")).toMatchObject({
      ...{ code: 1, out: "" },
      err: expect.stringMatching(/^nuwa: .*testdev_balanced_questions\.json: is not JSON \(.*\n$/),
    });
    expect(await nuwa("eval", "--json")).toMatchObject({ code: 2, err: expect.stringMatching(/^nuwa: --json .*\n$/) });
    expect(await list("--workers", "2")).toMatchObject({ code: 2, out: "" });
  });

  it("prints no control character of a file", async () => {
    const folder = newFolder();
    const odd = "\u001b[2Jx\r\u0007\u009b2J\u007f";
    const question = { question: `${odd}\tq\nw?`, answer: `${odd}\na`, imageId: odd };
    writeFiles(folder, { "gqa/testdev_balanced_questions.json": { [`1${odd}`]: question } });
    const text = await nuwa("eval", "--list", "--data", folder, "--tasks", "gqa");
    const json = await nuwa("eval", "--list", "--json", "--data", folder, "--tasks", "gqa");
    // Line ends, and the tab of a prompt.
    for (const { code, out } of [text, json]) expect([code, /[^\P{Cc}\n\t]/u.test(out)]).toEqual([0, false]);
    expect(text.out).toContain(String.raw`  accepted  \x1b[2Jx\x0d\x07\x9b2J\x7f\na`);
    expect(text.out.trimEnd().split("\n")).toHaveLength(6);
    expect(JSON.parse(json.out)[0]).toMatchObject({ id: `1${odd}`, accepted: [`${odd}\na`] });
  });
});
