import { join } from "node:path";
import { expect, it } from "vitest";
import { writeRaw } from "../io/scratch.ts";
import { fixturePath } from "../support.ts";
import { nuwa, temporaryFolder } from "./support.ts";

it("lists names, dtypes, shapes and files of a file, also dtypes that are not read, with nothing for a terminal", async () => {
  const path = writeRaw(
    join(temporaryFolder(), "a.safetensors"),
    {
      "w\u001b[2J\u009b": { dtype: "F8_E4M3", shape: [2, 2], data_offsets: [0, 4] },
      scalar: { dtype: "F4", shape: [2], data_offsets: [4, 5] },
    },
    5,
  );
  const { code, out } = await nuwa("tensors", path);
  expect([code, out]).toEqual([0, "w\\x1b[2J\\x9b  F8_E4M3  [2, 2]  a.safetensors\nscalar  F4  [2]  a.safetensors\n"]);
  const json = await nuwa("tensors", path, "--json");
  expect(json.out).not.toMatch(/[^\P{Cc}\n]/u);
  expect(JSON.parse(json.out)).toEqual([
    { name: "w\u001b[2J\u009b", dtype: "F8_E4M3", shape: [2, 2], file: "a.safetensors" },
    { name: "scalar", dtype: "F4", shape: [2], file: "a.safetensors" },
  ]);
});

it("lists the shards of a folder, and refuses what is neither in a line", async () => {
  const { out } = await nuwa("tensors", fixturePath("wide"), "--json");
  const files = JSON.parse(out).map(({ file }: { file: string }) => file);
  expect(new Set(files).size).toBe(2);
  const missing = await nuwa("tensors", join(temporaryFolder(), "none"));
  expect([missing.code, missing.err.split("\n").length]).toEqual([1, 2]);
});
