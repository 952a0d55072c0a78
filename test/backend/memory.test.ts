import { freemem, totalmem } from "node:os";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { availableMemory, requireMemory } from "../../src/backend/memory.ts";
import { useBackend } from "../../src/backend/select.ts";
import { NuwaError } from "../../src/core/errors.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;

describe("the budget of a model", () => {
  it("on wasm is a 4 GiB heap that holds every weight twice", async () => {
    await useBackend("wasm");
    expect(() => requireMemory("weights/small", 1.7 * GIB)).not.toThrow();
    expect(() => requireMemory("weights/big", 1.8 * GIB)).toThrow(NuwaError);
    // To the byte: twice the weights and 512 MiB beside them.
    const most = (4 * GIB - 512 * MIB) / 2 - tf.memory().numBytes;
    expect(() => requireMemory("weights/largest", most)).not.toThrow();
    expect(() => requireMemory("weights/large", most + 1)).toThrow(NuwaError);
    expect(() => requireMemory("weights/big", 1.8 * GIB)).toThrow(
      /^weights\/big: needs about 4\.10 GiB as float32, but the wasm backend has 4\.00 GiB left\. Use --backend tensorflow or a smaller checkpoint\.$/,
    );
  });

  it("on wasm counts what is loaded already", async () => {
    await useBackend("wasm");
    const loaded = tf.zeros([64 * MIB]); // 256 MiB
    expect(() => requireMemory("weights/second", 1.7 * GIB)).toThrow(/3\.50 GiB left/);
    loaded.dispose();
    expect(() => requireMemory("weights/second", 1.7 * GIB)).not.toThrow();
  });

  it("elsewhere is the memory of the machine", async () => {
    await useBackend("cpu");
    expect(() => requireMemory("weights/small", MIB)).not.toThrow();
    expect(() => requireMemory("weights/huge", totalmem())).toThrow(
      /^weights\/huge: needs about .* the cpu backend has .* Use a machine with more memory or a smaller checkpoint\.$/,
    );
  });

  it("counts on the copy that a product makes of a weight, and on no more than that", async () => {
    await useBackend("wasm");
    const heap = () => (tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } }).wasm.HEAPU8.length;
    const weights = Array.from({ length: 48 }, () => tf.fill([1024, 1024], 0.01)); // 192 MiB
    const loaded = heap();
    const x = tf.ones([4, 1024]);
    for (const w of weights) tf.matMul(x, w as tf.Tensor2D).dispose();
    const grown = heap() - loaded;
    for (const w of weights) tf.matMul(x, w as tf.Tensor2D).dispose();
    expect(heap() - loaded).toBe(grown);
    // The heap grows by up to 96 MiB more than was asked for.
    expect(grown / MIB).toBeGreaterThan(192 - 96);
    expect(grown / MIB).toBeLessThan(192 + 96);
    tf.dispose([x, ...weights]);
  });
});

describe("the memory that is available", () => {
  it("is what the system could give, or less in a container that may not have so much", () => {
    expect(availableMemory({ free: 8 * GIB, limit: 0, resident: GIB })).toBe(8 * GIB);
    expect(availableMemory({ free: 8 * GIB, limit: 2 ** 64, resident: GIB })).toBe(8 * GIB);
    expect(availableMemory({ free: 8 * GIB, limit: 4 * GIB, resident: GIB })).toBe(3 * GIB);
    expect(availableMemory({ free: GIB, limit: 4 * GIB, resident: GIB })).toBe(GIB);
    expect(availableMemory({ free: GIB, limit: GIB, resident: 2 * GIB })).toBe(0);
  });

  it("is, here, more than nothing and no more than the machine has", () => {
    expect(availableMemory()).toBeGreaterThan(0);
    expect(availableMemory()).toBeLessThanOrEqual(Math.max(totalmem(), freemem()));
  });
});
