import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { guardHeap, requireHeap } from "../../../src/backend/wasm/heap.ts";
import type { WasmInternals } from "../../../src/backend/wasm/internals.ts";
import { NuwaError } from "../../../src/core/errors.ts";

const MIB = 2 ** 20;

/** A heap of which `malloc` gives the addresses one after the other, and then 0. */
function fakeHeap(bytes: number) {
  let next = 8;
  const freed: number[] = [];
  const real = (size: number) => {
    if (next + size > bytes) return 0;
    next += size;
    return next - size;
  };
  const wasm: Pick<WasmInternals["wasm"], "_malloc" | "_free"> = {
    // As the published module does it: the first call puts the real function in its own place.
    _malloc(size) {
      wasm._malloc = real;
      return real(size);
    },
    _free: (address) => freed.push(address),
  };
  return { wasm, freed };
}

describe("the guarded heap", () => {
  it("throws one line with the remedy where malloc has nothing left, each time it is asked", () => {
    const heap = fakeHeap(1000);
    guardHeap(heap);
    expect(heap.wasm._malloc(500)).toBeGreaterThan(0);
    for (let time = 0; time < 3; time++) {
      expect(() => heap.wasm._malloc(500)).toThrow(NuwaError);
      expect(() => heap.wasm._malloc(500)).toThrow(/^the wasm backend's 4 GiB are full \(500 more .*tensorflow.*\.$/);
    }
    expect(heap.wasm._malloc(100)).toBeGreaterThan(0);
  });

  it("takes address 0 for an error only where bytes were asked for", () => {
    const wasm = { _malloc: (bytes: number) => (bytes === 0 ? 0 : 8), _free: () => {} };
    guardHeap({ wasm });
    expect(wasm._malloc(0)).toBe(0);
  });

  it("gives back what it only asked for to see whether it is there", () => {
    const heap = fakeHeap(1000);
    guardHeap(heap);
    const before = heap.freed.length;
    requireHeap(heap, 100);
    expect(heap.freed.length - before).toBe(1);
    expect(() => requireHeap(heap, 2000)).toThrow(NuwaError);
  });
});

describe("the wasm backend at the end of its 4 GiB", () => {
  let wasm: WasmInternals["wasm"];
  const held: number[] = [];

  /** Takes all that is left but about 64 KiB. Nothing is written there, so that it costs no real memory. */
  function fillHeap(): void {
    for (let bytes = 1024 * MIB; bytes >= MIB / 16; bytes /= 2) {
      try {
        for (;;) held.push(wasm._malloc(bytes));
      } catch (error) {
        expect(error).toBeInstanceOf(NuwaError);
      }
    }
  }

  beforeAll(async () => {
    await useBackend("wasm");
    wasm = (tf.backend() as unknown as WasmInternals).wasm;
  });
  function emptyHeap(): void {
    for (const address of held.splice(0)) wasm._free(address);
  }
  afterEach(emptyHeap);

  it("refuses a tensor, and leaves those that are there as they were", () => {
    const x = tf.range(0, 1000);
    fillHeap();
    const tensors = tf.memory().numTensors;
    expect(() => tf.fill([MIB], 7)).toThrow(NuwaError);
    expect(() => tf.tensor1d(new Float32Array(MIB))).toThrow(NuwaError);
    expect(() => tf.tidy(() => tf.tile(x, [1000]))).toThrow(NuwaError);
    expect(tf.memory().numTensors).toBe(tensors);
    expect([...x.dataSync()]).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    x.dispose();
  });

  it("refuses a product whose second factor has no room to be packed, and makes it once there is room", () => {
    const [x, w] = [tf.ones([600, 512]) as tf.Tensor2D, tf.fill([512, 2048], 0.5) as tf.Tensor2D];
    fillHeap();
    for (let time = 0; time < 2; time++) expect(() => tf.matMul(x, w)).toThrow(NuwaError);
    emptyHeap();
    const y = tf.matMul(x, w);
    expect(new Set(y.dataSync())).toEqual(new Set([256]));
    tf.dispose([x, w, y]);
  });

  it("keeps nothing of a product that it gave up half way", () => {
    const blocks = () => (tf.backend() as unknown as { numDataIds(): number }).numDataIds();
    // The transposed factor (4 MiB) has room in the block that is freed, its packed copy has not.
    const [x, w] = [tf.ones([600, 512]) as tf.Tensor2D, tf.fill([2048, 512], 0.5) as tf.Tensor2D];
    const room = wasm._malloc(6 * MIB);
    fillHeap();
    wasm._free(room);
    const before = blocks();
    for (let time = 0; time < 3; time++) expect(() => tf.matMul(x, w, false, true)).toThrow(NuwaError);
    expect(blocks()).toBe(before);
    expect(tf.tidy(() => tf.fill([MIB], 1).size)).toBe(MIB);
    tf.dispose([x, w]);
  });
});
