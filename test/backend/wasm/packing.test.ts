import { expect, it } from "vitest";
import { guardHeap } from "../../../src/backend/wasm/heap.ts";
import type { WasmInternals } from "../../../src/backend/wasm/internals.ts";
import { mayUseOwnId } from "../../../src/backend/wasm/packing.ts";

it("memory for a packed copy is asked for once for each weight, and whenever the copy is not kept", () => {
  const asked: number[] = [];
  const wasm = { _malloc: (bytes: number) => asked.push(bytes), _free: () => undefined };
  guardHeap({ wasm });
  const may = (b: { dataId: object; shape: number[] }, k: number, n: number) => {
    asked.length = 0;
    return [mayUseOwnId({ wasm } as unknown as WasmInternals, { ...b, dtype: "float32" }, k, n, 1000), asked.length];
  };
  const weight = { dataId: {}, shape: [4, 8] };
  expect(may(weight, 4, 8)).toEqual([true, 1]);
  // 8 columns in one block of 4·8 bytes a row, of 4 rows and one more.
  expect(asked).toEqual([4 * 8 * 5 + 128 + 1000]);
  expect(may(weight, 4, 8)).toEqual([true, 0]);
  // The same data as another matrix, and one of several matrices.
  expect(may(weight, 8, 4)).toEqual([false, 1]);
  expect(may(weight, 4, 8)).toEqual([true, 0]);
  expect(may({ dataId: {}, shape: [2, 4, 8] }, 4, 8)).toEqual([false, 1]);
});
