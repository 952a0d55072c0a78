import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { expect, it, vi } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { watchInterruptions } from "../../src/cli/interruption.ts";
import { randomFrom } from "../../src/core/random-numbers.ts";
import { exportModel } from "../../src/train/shapes/export.ts";
import { initialWeights } from "../../src/train/shapes/initial.ts";
import { configOfRecipe } from "../../src/train/shapes/session.ts";
import { MICRO } from "../train/support.ts";
import { listing, nuwa, type Outcome, temporaryFolder } from "./support.ts";

const STOPPED = { code: 1, err: "nuwa: stopped; the same command with --resume goes on where it was.\n" };

/** Runs a command and presses Ctrl-C as soon as it listens. */
async function interrupted(...argv: string[]): Promise<Outcome> {
  // The lock of a folder listens to SIGINT before the command does, and ends the process.
  const listeners = process.listenerCount("disconnect");
  const watching = setInterval(() => {
    if (process.listenerCount("disconnect") === listeners) return;
    clearInterval(watching);
    process.emit("SIGINT", "SIGINT");
  }, 1);
  try {
    return await nuwa(...argv);
  } finally {
    clearInterval(watching);
  }
}

it("a worker whose parent was gone before it listened is interrupted at once, and one with a parent is not", () => {
  const connected = Object.getOwnPropertyDescriptor(process, "connected");
  const listeners = process.listenerCount("disconnect");
  try {
    for (const [is, happens] of [
      [false, true],
      [true, false],
      [undefined, false],
    ]) {
      Object.defineProperty(process, "connected", { value: is, configurable: true, writable: true });
      const first = vi.fn();
      const interruption = watchInterruptions(first);
      expect([interruption.happened(), first.mock.calls.length]).toEqual([happens, happens ? 1 : 0]);
      interruption.end();
    }
  } finally {
    if (connected) Object.defineProperty(process, "connected", connected);
  }
  expect(process.listenerCount("disconnect")).toBe(listeners);
});

it("nuwa train ends with 1 and the command that goes on, when it is interrupted", { timeout: 120_000 }, async () => {
  const out = join(temporaryFolder(), "training");
  const { code, err } = await interrupted("train", "--recipe", "tiny", "--out", out, "--backend", "wasm");
  expect({ code, err }).toEqual(STOPPED);
  expect(listing(out)).toContain("progress.json");
  expect(listing(out)).not.toContain("model");
});

it("nuwa tune ends with 1 and says how to go on, when it is interrupted; resumed it ends with 0", {
  timeout: 120_000,
}, async () => {
  await useBackend("wasm");
  const [model, out] = [join(temporaryFolder(), "model"), join(temporaryFolder(), "tuned")];
  const config = configOfRecipe(MICRO);
  const weights = initialWeights(config, randomFrom(1));
  await exportModel(model, config, weights);
  tf.dispose([...weights.values()]);
  const command = ["tune", "--model", model, "--average", "1/2", "--steps", "2", "--out", out, "--backend", "wasm"];
  const { code, err } = await interrupted(...command);
  expect({ code, err }).toEqual(STOPPED);
  expect(listing(out)).toContain("progress.json");
  expect(listing(out)).not.toContain("constants.json");
  expect((await nuwa(...command, "--resume")).code).toBe(0);
  expect(listing(out)).toContain("constants.json");
});
