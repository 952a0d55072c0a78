import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { type Readback, runSync, tensorsIn } from "../../src/core/readback.ts";
import { rolesOf } from "../../src/core/slots.ts";
import type { Visit } from "../../src/core/taps.ts";
import type { CutSelection, Method, PatchSelection } from "../../src/methods/method.ts";
import { none } from "../../src/methods/none.ts";
import { disposeModel, type Vlm } from "../../src/model/vlm.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { leaked } from "../support.ts";
import { tinyModel } from "../support-tiny.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

/** A pass over one image of 4×4 patches, freed. */
function pass(method: Method, model: Vlm = tinyModel(), tap?: Parameters<typeof forward>[3]): void {
  tf.tidy(() => {
    const pixels = tf.randomNormal<tf.Rank.R4>([1, 3, 16, 16], 0, 1, "float32", 1);
    try {
      tf.dispose(tensorsIn(runSync(() => forward(model, { pixels, prompts: [[5, 3, 6, 7]] }, method, tap))));
    } finally {
      disposeModel(model);
    }
  });
}

/** A computation that reads nothing and gives a value. */
function* giving<T>(value: () => T): Readback<T> {
  yield* [];
  return value();
}

const selecting = (selection: () => PatchSelection): Method => ({
  ...none(),
  name: "own",
  selectPatches: () => giving(selection),
});
const cutting = (selection: CutSelection): Method => ({
  ...none(),
  name: "own",
  cuts: new Map([[2, () => giving(() => selection)]]),
});

describe("what a method selects", () => {
  it.each<[string, () => PatchSelection, RegExp]>([
    ["a cell out of range", () => ({ cells: [[0, 16]] }), /method own: .*image 0, token 1: cell 16 is not .*0 to 15/],
    ["a cell below -1", () => ({ cells: [[-2]] }), /token 0: cell -2 is not/],
    ["a cell that is no integer", () => ({ cells: [[0.5]] }), /token 0: cell 0.5 is not an integer/],
    ["the first cell twice", () => ({ cells: [[0, 1, 0]] }), /token 2: cell 0 is kept twice/],
    ["a doubled cell", () => ({ cells: [[3, 1, 3]] }), /token 2: cell 3 is kept twice/],
    ["an empty selection", () => ({ cells: [[]] }), /keeps no token of image 0/],
    ["lists for other images", () => ({ cells: [[0], [1]] }), /2 lists of cells for 1 images/],
    ["weights of another shape", () => ({ cells: [[0]], weights: tf.ones([1, 2, 16]) }), /\[1,2,16\], not \[1,1,16\]/],
    ["pillars of another length", () => ({ cells: [[0]], pillars: [[true, false]] }), /pillars/],
    [
      "weights that are infinite",
      () => ({ cells: [[0]], weights: tf.fill([1, 1, 16], Number.POSITIVE_INFINITY) }),
      /image 0, token 0: the weight of source 0 is Infinity/,
    ],
    [
      "weights that are not finite",
      () => ({ cells: [[0]], weights: tf.fill([1, 1, 16], Number.NaN) }),
      /image 0, token 0: the weight of source 0 is NaN/,
    ],
  ])("is refused in one line with %s", async (_, selection, message) => {
    expect(await leaked(() => expect(() => pass(selecting(selection))).toThrow(message))).toBe(0);
  });

  it.each<[string, CutSelection, RegExp]>([
    ["a rank out of range", { keep: [[0, 16]] }, /before layer 2: sample 0, token 1: rank 16 is not .*0 to 15/],
    ["ranks that do not ascend", { keep: [[2, 2]] }, /token 1: rank 2 does not ascend/],
    ["nothing kept", { keep: [[]] }, /keeps no token of sample 0/],
    ["lists for other samples", { keep: [[0], [0]] }, /2 lists for 1 samples/],
  ])("in a cut is refused in one line with %s", async (_, selection, message) => {
    expect(await leaked(() => expect(() => pass(cutting(selection))).toThrow(message))).toBe(0);
  });

  it("is not asked for where the model lacks what the method needs", () => {
    const model = tinyModel();
    const lacking = { ...model, config: { ...model.config, facts: { ...model.config.facts, capabilities: [] } } };
    expect(() => pass({ ...none(), name: "own", needs: ["key-norms"] }, lacking)).toThrow(
      /^method own needs key-norms, which this model of the family llava does not offer\.$/,
    );
  });
});

it("a tap is told the layer, the step and, from the splice on, what each token is", () => {
  const visits = new Map<string, Visit | undefined>();
  pass(none(), tinyModel(), (name, x, visit) => {
    visits.set(name, visit);
    return x;
  });
  expect([...visits.values()].every((visit) => visit?.step === 0)).toBe(true);
  expect(visits.get("vision.1.attention")).toMatchObject({ layer: 1, sequence: undefined });
  expect(visits.get("llm.3.z")?.layer).toBe(3);
  for (const name of ["llm.embeddings", "llm.2.tokens", "logits_last"]) {
    const roles = (visits.get(name)?.sequence ?? []).map(rolesOf);
    expect(roles, name).toEqual([["system", ...new Array(16).fill("visual"), "text", "last"]]);
  }
});
