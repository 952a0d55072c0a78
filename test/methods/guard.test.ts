import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { runSync } from "../../src/core/readback.ts";
import type { Method, MethodDefinition } from "../../src/methods/method.ts";
import { none } from "../../src/methods/none.ts";
import { createMethod } from "../../src/methods/registry.ts";
import { disposeModel, type Vlm } from "../../src/model/vlm.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { tinyModel } from "../support-tiny.ts";

let model: Vlm;
let pixels: tf.Tensor4D;

beforeAll(async () => {
  await useBackend("wasm");
  model = tinyModel();
  pixels = tf.randomNormal([1, 3, 16, 16], 0, 1, "float32", 7);
});
afterAll(() => {
  pixels.dispose();
  disposeModel(model);
});

const run = (method: Method) => () =>
  runSync(() => forward(model, { pixels, prompts: [[1, 3, 7]] }, method)).logits.dispose();
const broken = (parts: object) => ({ ...none(), name: "mine", ...parts }) as unknown as Method;

describe("a mistake in a method is one line that names it", () => {
  it.each<[string, object, RegExp]>([
    ["no name", { name: "" }, /^method of the call: the method: has no name/],
    ["positions", { positions: "weird" }, /^method mine: the method: positions are weird, not one of original/],
    ["ids after a cut", { idsAfterCut: "nope" }, /idsAfterCut is nope, not "kept" or "anew"/],
    ["no selection", { selectPatches: undefined }, /has no generator function selectPatches/],
    ["no Map", { cuts: {} }, /cuts are no Map/],
    ["a layer that is none", { cuts: new Map([[4, none().selectPatches]]) }, /before decoder layer 4; .* 0 to 3/],
    ["half a layer", { cuts: new Map([[1.5, none().selectPatches]]) }, /before decoder layer 1\.5/],
    ["a cut that is none", { cuts: new Map([[1, "x"]]) }, /the cut before layer 1 is no generator function/],
    ["no generator", { selectPatches: () => ({ cells: [[0]] }) }, /selectPatches: is no generator function/],
    ["needs", { needs: "key-norms" }, /needs must be a list/],
    [
      "an error of its own",
      {
        // biome-ignore lint/correctness/useYield: it throws first
        *selectPatches() {
          throw new TypeError("boom");
        },
      },
      /^method mine: selectPatches: fails: boom/,
    ],
    [
      "a yield of no tensor",
      {
        *selectPatches() {
          yield 5;
        },
      },
      /selectPatches: yields what is no tensor/,
    ],
    [
      "no result",
      {
        // biome-ignore lint/correctness/useYield: it returns first
        *selectPatches() {
          return undefined;
        },
      },
      /selectPatches: returns no \{ cells \}/,
    ],
    [
      "a cut without result",
      {
        cuts: new Map([
          [
            1,
            // biome-ignore lint/correctness/useYield: it returns first
            function* () {
              return {};
            },
          ],
        ]),
      },
      /the cut before layer 1: returns no \{ keep \}/,
    ],
  ])("%s", (_, parts, message) => {
    const { numTensors } = tf.memory();
    expect(run(broken(parts))).toThrow(message);
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  it("also where the method is made", () => {
    const definition = { name: "mine", summary: "", positions: "original", budget: () => 1 } as const;
    const make = (create: () => unknown) => () =>
      createMethod({ ...definition, create } as unknown as MethodDefinition, model.config);
    expect(
      make(() => {
        throw new Error("boom");
      }),
    ).toThrow("method mine: create: fails: boom");
    expect(make(() => null)).toThrow("method mine: create: makes no method object.");
  });

  it("cells may be what was read out of a tensor", () => {
    const selecting = (cells: unknown) =>
      broken({
        // biome-ignore lint/correctness/useYield: nothing is read out
        *selectPatches() {
          return { cells: [cells] };
        },
      });
    const logits = [[0, 5, 9], Int32Array.of(0, 5, 9)].map((cells) => {
      const result = runSync(() => forward(model, { pixels, prompts: [[1, 3, 7]] }, selecting(cells)));
      expect(result.ledgers[0]?.tokens.map(({ cell }) => cell)).toEqual([0, 5, 9]);
      return [...result.logits.dataSync()];
    });
    expect(logits[1]).toEqual(logits[0]);
  });

  it.each<[string, unknown, RegExp]>([
    ["two ids on one axis", { visual: [[0, 1]], nextPosition: 9 }, /token 0 gets \[0,1\], not a list of an integer/],
    ["a number", { visual: [5], nextPosition: 9 }, /token 0 gets \[5\]/],
    ["nothing", undefined, /returns no \{ visual, nextPosition \}/],
    ["no next id", { visual: [[1]] }, /nextPosition is undefined/],
  ])("a position function that gives %s", (_, positions, message) => {
    const one = broken({
      positions: () => positions,
      // biome-ignore lint/correctness/useYield: nothing is read out
      *selectPatches() {
        return { cells: [[3]] };
      },
    });
    expect(run(one)).toThrow(message);
  });
});
