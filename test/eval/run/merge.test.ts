import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { mergeShards } from "../../../src/eval/run/merge.ts";
import { nuwa } from "../../cli/support.ts";
import { microModel, newFolder, removeFolders } from "../support.ts";
import { writeAllSamples } from "../tasks/benchmarks/samples.ts";

afterAll(removeFolders);

it("gives the shards of benchmarks, in any order, as the evaluation in one piece", async () => {
  const data = newFolder();
  await writeAllSamples(data);
  const command = [
    "eval",
    "--model",
    await microModel(),
    "--backend",
    "wasm",
    "--tasks",
    "mme,gqa,pope",
    "--data",
    data,
  ];
  const run = async (...more: string[]) => {
    const out = newFolder();
    expect(await nuwa(...command, "--methods", "none", "--out", out, ...more)).toMatchObject({ code: 0 });
    return out;
  };
  const whole = await run();
  const shards = [await run("--shard", "1/2"), await run("--shard", "2/2")];
  // They follow from the other options; those of methods of one's own do not, and are recorded.
  expect(JSON.parse(readFileSync(join(whole, "options.json"), "utf8")).settings).toEqual([]);
  const answered = readFileSync(join(whole, "samples.jsonl"), "utf8");
  for (const folders of [shards, [...shards].reverse()])
    expect(
      mergeShards(folders)
        .samples.map((sample) => `${JSON.stringify(sample)}\n`)
        .join(""),
    ).toBe(answered);
});
