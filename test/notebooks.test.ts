import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const folder = fileURLToPath(new URL("../notebooks/", import.meta.url));
const notebooks = readdirSync(folder).filter((name) => name.endsWith(".ts"));

describe("the notebooks", () => {
  it("are there", () => {
    expect(notebooks).not.toEqual([]);
  });

  it.each(notebooks)("%s runs from top to bottom and frees its tensors", (name) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", `${folder}${name}`], {
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/tensors left: 0\n$/);
  });
});
