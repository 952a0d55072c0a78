import * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../core/errors.ts";
import type { Readback } from "../core/readback.ts";
import type { Method } from "./method.ts";
import { POSITION_POLICIES } from "./nuwa/positions.ts";

/*
 * Methods may be anybody's programs. A mistake in one is one line that names the method and where it happened, and not
 * an internal error.
 */

/** Refuses in the name of a method, with an error of a kind. @throws NuwaError */
export function problem(name: string, where: string, Kind = NuwaError): (what: string) => never {
  return (what) => {
    throw new Kind(`method ${name}: ${where}: ${what}`);
  };
}

/**
 * Runs a part of a method, and names it in whatever it throws.
 *
 * @throws NuwaError
 */
export function named<T>(name: string, where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof NuwaError) throw error;
    return problem(name, where)(`fails: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * Runs a generator of a method: what it yields must be tensors, and what it throws is named.
 *
 * @throws NuwaError
 */
export function* namedReadback<T>(name: string, where: string, start: () => Readback<T>): Readback<T> {
  const steps = named(name, where, start);
  if (typeof steps?.next !== "function")
    problem(name, where)("is no generator function. Write it with a star: *selectPatches() { … }.");
  let step = named(name, where, () => steps.next(new Float32Array()));
  while (!step.done) {
    const { value } = step;
    if (!(value instanceof tf.Tensor)) problem(name, where)("yields what is no tensor.");
    const values = yield value as tf.Tensor;
    step = named(name, where, () => steps.next(values));
  }
  return step.value;
}

/**
 * Checks the parts of a method.
 *
 * @param what it is called where it has no name
 * @param layers of the decoder
 * @throws NuwaError naming the method and the part
 */
export function checkMethod(method: Method, what: string, layers: number): Method {
  if (typeof method !== "object" || method === null) return problem(what, "create")("makes no method object.");
  const { name, positions, idsAfterCut, cachesBeforeCuts, selectPatches, cuts, needs } = method;
  const refuse = problem(typeof name === "string" && name !== "" ? name : what, "the method");
  if (typeof name !== "string" || name === "") refuse("has no name.");
  if (typeof positions !== "function" && !POSITION_POLICIES.includes(positions))
    refuse(`positions are ${String(positions)}, not one of ${POSITION_POLICIES.join(", ")} or a function.`);
  if (idsAfterCut !== "kept" && idsAfterCut !== "anew")
    refuse(`idsAfterCut is ${String(idsAfterCut)}, not "kept" or "anew".`);
  if (cachesBeforeCuts !== undefined && cachesBeforeCuts !== "pruned")
    refuse(`cachesBeforeCuts is ${String(cachesBeforeCuts)}, not "pruned" or left out.`);
  if (typeof selectPatches !== "function") refuse("has no generator function selectPatches.");
  if (needs !== undefined && !Array.isArray(needs)) refuse("needs must be a list of capabilities.");
  if (!(cuts instanceof Map)) refuse("cuts are no Map of decoder layers to generator functions.");
  for (const [layer, cut] of cuts) {
    if (!Number.isInteger(layer) || layer < 0 || layer >= layers)
      refuse(`a cut is to be made before decoder layer ${layer}; there are layers 0 to ${layers - 1}.`);
    if (typeof cut !== "function") refuse(`the cut before layer ${layer} is no generator function.`);
  }
  return method;
}
