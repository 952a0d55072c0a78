import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { compiled } from "../../compiled.ts";
import { inFolder } from "../support.ts";

/** Trains in a process of its own and kills it (SIGKILL) when it has printed a line; true when it was killed. */
function trainUntil(script: string, folder: string, line: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, folder], { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    let complaint = "";
    child.stderr.on("data", (data) => {
      complaint += data;
    });
    child.stdout.on("data", (data) => {
      said += data;
      // The line is printed before that step's checkpoint is written: the kill falls into or around the writing.
      if (said.includes(line)) child.kill("SIGKILL");
    });
    child.on("close", (code, signal) =>
      code === 0 || signal === "SIGKILL" ? resolve(signal === "SIGKILL") : reject(new Error(complaint)),
    );
  });
}

const recordOf = (folder: string) => {
  const { steps, figures, step, stage } = JSON.parse(readFileSync(join(folder, "progress.json"), "utf8"));
  return { steps, figures, step, stage };
};

it("a training killed twice (SIGKILL) ends with the same losses and the same model", { timeout: 240_000 }, async () => {
  await inFolder(async (folder) => {
    const { files, remove } = await compiled({ killed: "test/train/engine/killed.ts" });
    const [whole, broken] = [join(folder, "whole"), join(folder, "broken")];
    expect(await trainUntil(files.killed, whole, "never")).toBe(false);
    expect(await trainUntil(files.killed, broken, "step vision 3")).toBe(true);
    expect(await trainUntil(files.killed, broken, "step language 2")).toBe(true);
    expect(await trainUntil(files.killed, broken, "never")).toBe(false);
    remove();
    expect(recordOf(broken)).toEqual(recordOf(whole));
    const weights = (where: string) => readFileSync(join(where, "model", "model.safetensors"));
    expect(weights(broken).equals(weights(whole))).toBe(true);
  });
});
