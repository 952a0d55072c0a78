import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { compareWithReference } from "../../scripts/bundle/parity.ts";
import { useBackend } from "../../src/backend/select.ts";
import type { WebgpuInternals } from "../../src/backend/webgpu/guard.ts";
import { tryWebgpu } from "../../src/backend/webgpu/trial.ts";
import { NuwaError } from "../../src/core/errors.ts";
import { openSafetensors, readTensor } from "../../src/io/safetensors.ts";
import { temporaryFolder } from "../cli/support.ts";
import { expected, fixturePath } from "../support.ts";

const trial = tryWebgpu();
const title = trial.usable
  ? `the webgpu backend, on ${trial.adapter.device}`
  : `the webgpu backend (left out: ${trial.reason})`;

/** A software Vulkan compiles some hundred shaders before it has run everything once. */
const PATIENCE = 20 * 60_000;

describe.skipIf(!trial.usable)(title, { timeout: PATIENCE }, () => {
  beforeAll(async () => {
    await useBackend("webgpu");
  });

  it("agrees with PyTorch: forward, both prunings, generation and gradients, and frees what it made", async () => {
    const before = tf.memory().numTensors;
    const far: unknown[] = [];
    let compared = 0;
    for await (const comparison of compareWithReference(fixturePath("square"))) {
      compared++;
      if (!(comparison.error <= comparison.allowed)) far.push(comparison);
    }
    expect(far).toEqual([]);
    expect(compared).toBe(26);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("runs a command whose process ends by itself with exit code 0 and the right tokens", () => {
    const dump = join(temporaryFolder(), "dump.safetensors");
    const inputs = fixturePath("square", "expected.safetensors");
    const program = fileURLToPath(new URL("../../bin/nuwa.js", import.meta.url));
    const options = ["--inputs", inputs, "--dump", dump, "--generate", "2", "--ignore-eos", "--backend", "webgpu"];
    const child = spawnSync(process.execPath, [program, "forward", "--model", fixturePath("square"), ...options], {
      encoding: "utf8",
    });
    expect({ code: child.status, signal: child.signal, err: child.stderr }).toEqual({ code: 0, signal: null, err: "" });
    const generated = [...readTensor(openSafetensors(dump), "generated").values];
    expect(generated).toEqual(expected("square").integers("generated").slice(0, 2));
  });

  it("refuses a tensor that is larger than the driver allows, in one line", async () => {
    const largest = trial.usable ? trial.adapter.largestTensorBytes : 0;
    const tooLarge = () => tf.tidy(() => tf.fill([Math.floor(largest / 4) + 2 ** 20], 1));
    expect(tooLarge).toThrow(NuwaError);
    expect(tooLarge).toThrow(/^webgpu: a tensor of \d+ MiB is larger than the \d+ MiB .*backend\.$/);
    await useBackend("webgpu");
    expect([...(await tf.tensor1d([1, 2]).square().data())]).toEqual([1, 4]);
  });

  it("does not pass off as numbers what the GPU refused to compute", async () => {
    const { device } = tf.backend() as unknown as WebgpuInternals;
    const x = tf.ones([64, 64]);
    // A buffer without a use is an error, told only to event listeners.
    device.createBuffer({ size: 16, usage: 0 });
    await expect(tf.matMul(x, x).data()).rejects.toThrow(/^webgpu: the GPU refused an operation \(.+\)\.$/);
    expect((await tf.matMul(x, x).data())[0]).toBe(64);
  });

  it("says that the GPU was lost when it is", async () => {
    const x = tf.ones([64, 64]);
    const product = tf.matMul(x, x);
    (tf.backend() as unknown as WebgpuInternals).device.destroy();
    await expect(product.data()).rejects.toThrow(/^webgpu: the connection to the GPU was lost \(.+\)\. .+$/);
  });
});
