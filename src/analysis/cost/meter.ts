import type * as tf from "@tensorflow/tfjs";
import { watchDots } from "../../core/dot.ts";
import { NuwaError } from "../../core/errors.ts";
import { currentRun } from "../../core/readback.ts";
import type { TapName } from "../../core/tap-points.ts";
import type { Tap } from "../../core/taps.ts";
import { aroundKernels } from "./kernels.ts";
import { type Part, partBeginningAt } from "./parts.ts";

/** Floating-point operations of one prefill, part by part; a multiplication with its addition counts as two. */
export interface ExactCost extends Readonly<Record<Part, number>> {
  /** The sum of the parts. */
  readonly flops: number;
  /** Bytes of all keys and values that decoding starts with, text included, as float32. */
  readonly cacheBytes: number;
}

/** What {@link measureCost} returns. */
export interface Measured<T> {
  readonly result: T;
  readonly cost: ExactCost;
}

/** Only one work is measured at a time. */
let measuring = false;

/**
 * What the prefill of one prompt costs in this program, whatever the model and the method: the multiplications and
 * additions of every matrix product that the engine runs, and of every dot product that a selection makes on values
 * that were read out (see `watchDots`). Counting ends at the logits of the first answer token, so that the work may
 * go on decoding. Attention counts the whole square of the sequence, because it is computed before it is masked.
 *
 * Elementwise work is left out: norms, softmax, activations, means and sorting; farthest points (DivPrune), the
 * distances and the rank's rotations of SparseVLM, NeuralSort. A selection may have much of it, but none of it is
 * tokens × width².
 *
 * @example
 * const { result, cost } = await measureCost((tap) => run(() => forward(model, { pixels, prompts }, method, tap)));
 *
 * @param work makes one prefill of one prompt with the tap that it is given; other runs may be under way meanwhile
 * @throws NuwaError when the prefill has more than one prompt, is not one whole prefill, or runs a kernel whose
 * products cannot be counted; when measurements are nested; and what `work` throws
 */
export async function measureCost<T>(work: (tap: Tap) => Promise<T> | T): Promise<Measured<T>> {
  if (measuring) throw new NuwaError("the cost of another run is being measured; wait for it to end.");
  measuring = true;
  const counts: Record<Part, number> = { visionTower: 0, selection: 0, projector: 0, decoder: 0, lmHead: 0 };
  let part = "visionTower" as Part | "done";
  let cacheBytes = 0;
  // Kernels do not say whose they are, but those of another run are computed between the steps of this one.
  let measured: { readonly run: object | undefined } | undefined;
  const count = (operations: number) => {
    if (measured && measured.run === currentRun() && part !== "done") counts[part] += operations;
  };
  const see = <T extends tf.Tensor>(name: TapName, x: T): T => {
    if (part === "done") return x;
    measured ??= { run: currentRun() };
    if (name === "llm.embeddings") requireOnePrompt(x.shape[0]);
    if (isCached(name)) cacheBytes += 4 * x.size;
    part = partBeginningAt(name) ?? part;
    return x;
  };
  const wants = (name: TapName) => name === "llm.embeddings" || isCached(name) || partBeginningAt(name) !== undefined;
  const tap: Tap = Object.assign(see, { wants });
  const stop = [watchDots((length) => count(2 * length)), watchKernels((operations) => count(operations))];
  try {
    const result = await work(tap);
    if (part !== "done")
      throw new NuwaError("the measured run did not reach its logits. Give the tap to one whole forward pass.");
    const flops = Object.values(counts).reduce((sum, value) => sum + value, 0);
    return { result, cost: { ...counts, flops, cacheBytes } };
  } finally {
    for (const end of stop) end();
    measuring = false;
  }
}

/** Whether what passes a point is kept for decoding. */
function isCached(name: TapName): boolean {
  return /^llm\.\d+\.(keys|values)$/.test(name);
}

function requireOnePrompt(prompts: number): void {
  if (prompts !== 1)
    throw new NuwaError(
      `the cost of ${prompts} prompts at once cannot be measured: padding would be counted. ` +
        "Measure one prompt at a time.",
    );
}

/**
 * Calls `listener` with the multiplications and additions of every matrix product that the engine runs.
 *
 * @returns puts the engine back as it was
 */
function watchKernels(listener: (operations: number) => void): () => void {
  return aroundKernels(({ name, inputs, attributes }, run) => {
    const operationsOf = PRODUCTS[name];
    if (!operationsOf && /MatMul|Conv|Einsum|Attention/.test(name))
      throw new NuwaError(`kernel ${name}: its operations cannot be counted. Teach src/analysis/cost/meter.ts how.`);
    const outputs = run();
    if (operationsOf) listener(operationsOf(inputs, outputs as tf.Tensor, attributes));
    return outputs;
  });
}

/** Multiplications and additions of the kernels that make matrix products. */
const PRODUCTS: Readonly<
  Record<string, (inputs: tf.NamedTensorMap, output: tf.Tensor, attributes: unknown) => number>
> = {
  BatchMatMul: ({ a }, output, attributes) => productOperations(a, output, attributes),
  Attention: attentionOperations,
  MaskedAttention: attentionOperations,
};

/** [B, h, Q, d] × [B, hkv, S, d]ᵀ and the weights [B, h, Q, S] times the values: 2 for each of 2·B·h·Q·S·d. */
function attentionOperations({ q, k }: tf.NamedTensorMap): number {
  return 4 * q.size * (k as tf.Tensor4D).shape[2];
}

/** [..., m, k] × [..., k, n]: 2k for every number of the output. */
function productOperations(a: tf.Tensor, output: tf.Tensor, attributes: unknown): number {
  const { transposeA } = attributes as { transposeA?: boolean };
  return 2 * output.size * a.shape[a.rank - (transposeA ? 2 : 1)];
}
