import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { type BackendName, useBackend } from "../../../src/backend/select.ts";
import { COMPARED, distance, magnitude, noTensorflow, on, onDevice, type Plain } from "./backends.ts";
import { CASES, fill, type OpCase } from "./cases.ts";
import { exercise } from "./exercise.ts";
import { type KernelCall, spyOnKernels } from "./spy.ts";

/**
 * How far a backend may be from `cpu`, relative to the largest value of the result. Kernels that are not
 * listed round as IEEE 754 demands, and so to the same bit everywhere; only numbers below 1e-38 are 0
 * on tensorflow. docs/backends.md repeats this table with what was measured.
 */
const ROUNDED: Readonly<Record<string, number>> = {
  BatchMatMul: 1e-6,
  Erf: 6e-7,
  Exp: 2e-7,
  Mean: 5e-7,
  Pow: 3e-7,
  Rsqrt: 3e-7,
  Sigmoid: 4e-7,
  Softmax: 5e-7,
  Sum: 5e-7,
  UnsortedSegmentSum: 5e-7,
};
/** These add up. Where what they add cancels, rounding is to be seen relative to what was added. */
const ADDING = ["BatchMatMul", "Mean", "Sum", "UnsortedSegmentSum"];
const TO_THE_BIT = 1e-37;
/** Ops and their gradients, which are several kernels one after the other. */
const OPS = 1e-6;

const NAMED_CASES = CASES.map((opCase) => [opCase.name, opCase] as const);

let calls: KernelCall[];
/** The largest value that a call would have with all inputs positive, for those that add. */
const scales = new Map<KernelCall, number>();

beforeAll(async () => {
  if (noTensorflow) console.info(`Agreement of backends: tensorflow is not tested, because ${noTensorflow}.`);
  await useBackend("cpu");
  calls = await spyOnKernels(async () => {
    await exercise("square");
    await exercise("wide");
  });
  for (const call of calls.filter(({ kernel }) => ADDING.includes(kernel)))
    scales.set(call, Math.max(...(await on("cpu", () => repeat(call, positive))).map(magnitude)));
});

describe("the agreement table", () => {
  const sorted = (names: Iterable<string>) => [...new Set(names)].sort();

  it("covers exactly the kernels that the model, the pruning and their gradients run", () => {
    expect(sorted(CASES.flatMap(({ kernels }) => kernels))).toEqual(sorted(calls.map(({ kernel }) => kernel)));
  });

  it("names tolerances only of kernels that it covers", () => {
    expect(sorted(calls.map(({ kernel }) => kernel))).toEqual(expect.arrayContaining(Object.keys(ROUNDED)));
  });

  it.each(NAMED_CASES)("says rightly which kernels run: %s", async (_, opCase) => {
    await useBackend("cpu");
    const ran = await spyOnKernels(() => results("cpu", opCase));
    expect(ran.map(({ kernel }) => kernel)).toEqual(expect.arrayContaining([...opCase.kernels]));
  });
});

describe("the model's products", () => {
  it("never multiply a batch with a single matrix, for which tfjs has no right gradient", () => {
    const batches = calls
      .filter(({ kernel }) => kernel === "BatchMatMul")
      .map(({ inputs }) => Object.values(inputs).map(({ shape }) => shape.slice(0, -2).join()));
    expect(batches.length).toBeGreaterThan(50);
    expect(batches.filter(([a, b]) => a !== b)).toEqual([]);
    // The day this fails, the detour in layers.ts can go.
    const product = tf.grads((x, w) => tf.matMul(x, w));
    expect(() => product([tf.ones([5, 2, 3]), tf.ones([3, 4])])).toThrow(/gradient of input 'b' has shape '5,3,4'/);
  });
});

describe.each(COMPARED.map((entry) => [entry.title, entry] as const))("%s", (__, { name: backend, absent }) => {
  it.skipIf(absent)("computes every kernel call of the model as cpu does", async () => {
    const failures: string[] = [];
    for (const call of calls) {
      const outputs = await on(backend, () => repeat(call));
      const apart = Math.max(...outputs.map((output, i) => distance(output, call.outputs[i], scales.get(call))));
      if (!(apart <= (ROUNDED[call.kernel] ?? TO_THE_BIT))) failures.push(`${call.signature}: ${apart}`);
    }
    expect(failures).toEqual([]);
  });

  it.skipIf(absent).each(NAMED_CASES)("has the values and gradients of cpu: %s", async (_, opCase) => {
    const wanted = await reference(opCase);
    const found = await results(backend, opCase);
    expect(found.map((result, i) => ({ run: i, apart: distance(result, wanted[i]) }))).toEqual(
      wanted.map((_, i) => ({ run: i, apart: expect.toSatisfy((apart: number) => apart <= OPS) })),
    );
  });
});

/** Calls a kernel again on the current backend, with the same inputs unless they are changed. */
function repeat({ kernel, inputs, attributes }: KernelCall, change = (values: Plain) => values): tf.Tensor[] {
  const tensors = Array.isArray(inputs)
    ? inputs.map((input) => onDevice(change(input)))
    : Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, onDevice(change(input))]));
  return [
    tf.engine().runKernel<tf.Tensor | tf.Tensor[]>(kernel, tensors as tf.NamedTensorMap, attributes as never),
  ].flat();
}

function positive(input: Plain): Plain {
  return { ...input, values: input.values.map(Math.abs) as Plain["values"] };
}

const references = new Map<string, Plain[]>();

/** What `cpu` says, computed once. */
async function reference(opCase: OpCase): Promise<Plain[]> {
  const known = references.get(opCase.name);
  const found = known ?? (await results("cpu", opCase));
  references.set(opCase.name, found);
  return found;
}

/** Value and gradients of all runs of a case, one after the other. */
async function results(backend: BackendName, { op, shapes, value, differentiable }: OpCase): Promise<Plain[]> {
  const all: Plain[] = [];
  for (const [run, inputs] of shapes.entries()) {
    const values = fill(inputs, run, value);
    const [y] = await on(backend, () => [op(...values.map(onDevice))]);
    all.push(y);
    if (!differentiable) continue;
    const [dy] = fill([y.shape], 1000 + run);
    all.push(...(await on(backend, () => tf.grads(op)(values.map(onDevice), onDevice(dy)))));
  }
  return all;
}
