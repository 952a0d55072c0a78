import { freemem, totalmem } from "node:os";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { availableMemory, memoryLeft } from "../../src/backend/memory.ts";
import { useBackend } from "../../src/backend/select.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;

describe("the memory that a backend has for a model", () => {
  it("is on wasm a heap of 4 GiB, which has every weight twice, what is loaded already included", async () => {
    await useBackend("wasm");
    const before = memoryLeft();
    expect(before.copies).toBe(2);
    expect(before.bytes).toBeLessThanOrEqual(4 * GIB);
    expect(before.remedy).toBe("Use --backend tensorflow, a machine with more of it or a smaller checkpoint.");
    const loaded = tf.zeros([64 * MIB]); // 256 MiB
    const limit = 64 * GIB;
    const left = memoryLeft(limit).bytes;
    loaded.dispose();
    expect(memoryLeft(limit).bytes - left).toBe(2 * 256 * MIB);
  });

  it("is elsewhere that of the machine, or what the process does not have of a limit", async () => {
    await useBackend("cpu");
    expect(memoryLeft().bytes).toBeLessThanOrEqual(Math.max(totalmem(), freemem()));
    const { bytes, copies, remedy } = memoryLeft(3 * GIB);
    expect(copies).toBe(1);
    expect(3 * GIB - bytes).toBeGreaterThan(64 * MIB);
    expect(3 * GIB - bytes).toBeLessThan(2 * GIB);
    expect(remedy).toBe("Use a larger --memory or a smaller checkpoint.");
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
