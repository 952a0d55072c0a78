import * as tf from "@tensorflow/tfjs";
import { UsageError } from "../core/errors.ts";
import { type Grid, patchCount } from "../core/grid.ts";
import { type Readback, recordReadbacks, replay, run, tensorsIn } from "../core/readback.ts";
import type { Slot } from "../core/slots.ts";
import { noTap, record, replace, type Tap } from "../core/taps.ts";
import type { SampleLedger } from "../methods/ledger.ts";
import type { Pruning } from "../methods/method.ts";
import type { ImageInputs, Vlm } from "../model/vlm.ts";
import { gradients } from "../pipeline/gradients.ts";
import { type ForwardInputs, type ForwardResult, forward } from "../pipeline/prefill.ts";

/** Which number is explained, and how finely. */
export interface AttributionOptions {
  /** Vocabulary id of the logit. */
  readonly token: number;
  /** Points of the path at which the gradient is taken (32); the error of the sums falls with their square. */
  readonly steps?: number;
  /**
   * The uninformative features that the path starts from, [1, N, D], a row for each of `Attribution.patches`; the mean
   * of the image's features, over all of its grids, unless given.
   */
  readonly baseline?: tf.Tensor3D;
}

/** What the kept tokens, and the patches that they are mixed from, add to a logit. Plain numbers. */
export interface Attribution {
  readonly logit: number;
  /** The logit with all tokens mixed from the baseline. */
  readonly baselineLogit: number;
  /** For each kept token what it adds. Their sum is logit − baselineLogit, but for quadrature. */
  readonly tokens: Float32Array;
  /** For each kept token what each of `patches` adds through it; rows sum to `tokens`. */
  readonly contributions: readonly Float32Array[];
  /**
   * For each row of `EncodedGrid.features`, grid after grid, what it adds through all tokens; same sum as `tokens`.
   */
  readonly patches: Float32Array;
  /** The same as a map for each grid of the image, in raster order; the class token is on none. */
  readonly grids: readonly { readonly grid: Grid; readonly patches: Float32Array }[];
  /** Gradient of the logit with respect to each projected token where it is: k rows of Hd. */
  readonly tokenGradients: readonly Float32Array[];
  /** Sum of `tokens` less (logit − baselineLogit): the error of quadrature. 0 were there infinitely many steps. */
  readonly residual: number;
}

/**
 * What each visual token, and through the aggregation weights each patch, adds to a logit: integrated
 * gradients (Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", ICML 2017, arXiv
 * 1703.01365) along the straight path from baseline features V′ to the image's features V.
 *
 * With the weights W of stage 1 held fixed, tokens Z = W·V walk straight too, from Z′ = W·V′. Let G be the
 * gradient of the logit with respect to Z, averaged over the path. Patch j adds W_ij·(V_j − V′_j)·G_i
 * through token i; over j that sums to (Z_i − Z′_i)·G_i, what token i adds, because aggregation is linear;
 * over i to the change of the logit, which is the fundamental theorem of calculus (completeness). The
 * average is taken by the midpoint rule. All selections stay those of the image.
 *
 * @param inputs one prompt with its image, which may have several grids
 * @throws UsageError when there is not one prompt with an image, a token or the steps are out of range, or the
 * method makes tokens that are not mixtures of patches
 */
export async function attribute(
  model: Vlm,
  inputs: ForwardInputs,
  method: Pruning,
  { token, steps = 32, baseline }: AttributionOptions,
): Promise<Attribution> {
  requireOptions(model, inputs, token, steps);
  const logit = ({ logits }: ForwardResult) => tf.tidy(() => logits.flatten().slice([token], [1]).squeeze<tf.Scalar>());
  const recorder = record(["stage1.tokens", "projector.output", "llm.embeddings"]);
  const held: tf.Tensor[] = [];
  try {
    const { result, values } = await recordReadbacks(() => forward(model, inputs, method, recorder.tap));
    const value = logit(result);
    held.push(...tensorsIn(result), value);
    const [ledger] = result.ledgers;
    if (ledger?.images.length !== 1) throw new UsageError(ONE_IMAGE);
    const features = await run(() => featuresOf(model, inputs));
    held.push(features);
    const path = pathOf(features, ledger, baseline);
    held.push(...Object.values(path));
    await requireMixtures(path.reached, recorder.get("stage1.tokens"));
    // A pass whose mixed tokens are given; the tower before them is computed, and does not matter.
    const passWith = (z: tf.Tensor) =>
      logit(replay(() => forward(model, inputs, method, put("stage1.tokens", z)), values));
    const start = tf.tidy(() => passWith(path.from));
    held.push(start);
    let sum: tf.Tensor = tf.zerosLike(path.from);
    for (let step = 0; step < steps; step++) {
      const before = sum;
      sum = tf.tidy(() => before.add(tf.grad(passWith)(path.from.add(path.along.mul((step + 0.5) / steps)))));
      before.dispose();
      // Lets the program draw, or be stopped, between passes.
      await sum.data();
    }
    const shares = tf.tidy(() => {
      const average = sum.div<tf.Tensor3D>(steps); // G, [1, k, D]
      const through = tf.matMul(average, path.difference, false, true).mul<tf.Tensor3D>(path.weights); // [1, k, N]
      return { tokens: average.mul(path.along).sum(2), through, patches: through.sum(1) };
    });
    held.push(sum, ...Object.values(shares));
    const [tokens, through, patches] = (await Promise.all(
      [shares.tokens, shares.through, shares.patches].map((shared) => shared.data()),
    )) as Float32Array[];
    const projected = recorder.get("projector.output");
    // Separators stand between the tokens of some families.
    const [{ visit }] = recorder.all("llm.embeddings");
    const entered = (visit.sequence?.[0] ?? []).filter(isOfImage);
    const slopes = await gradients(model, inputs, method, logit, [projected], put("projector.output", projected));
    held.push(slopes.value, ...slopes.gradients);
    const [reached, baselineLogit] = [(await value.data())[0], (await start.data())[0]];
    const total = tokens.reduce((all, one) => all + one, 0);
    return {
      logit: reached,
      baselineLogit,
      tokens,
      contributions: rowsOf(through, tokens.length),
      patches,
      grids: mapsOf(patches, ledger.images[0]),
      tokenGradients: rowsOf((await slopes.gradients[0].data()) as Float32Array, entered.length).filter(
        (_, row) => entered[row]?.kind === "visual",
      ),
      residual: total - (reached - baselineLogit),
    };
  } finally {
    tf.dispose(held);
    recorder.dispose();
  }
}

const ONE_IMAGE = "attribution is of one prompt with one image. Call it once for each.";

/** V: what the tokens are mixed from, all grids of the image one after the other, [1, N, D]. */
function* featuresOf(model: Vlm, { prompts, imagesOf, ...images }: ForwardInputs): Readback<tf.Tensor3D> {
  const [{ grids }] = yield* model.encode(images as ImageInputs, noTap);
  const all = grids.map((grid) => grid.features);
  return all.length === 1 ? all[0] : tf.concat(all, 1);
}

function isOfImage(slot: Slot): boolean {
  return slot !== null && slot.kind !== "text";
}

/** What lies on each grid; the class token comes first where it is a visual token. */
function mapsOf(patches: Float32Array, { grids, extraTokens }: SampleLedger["images"][number]): Attribution["grids"] {
  let start = extraTokens;
  return grids.map((grid) => {
    const end = start + patchCount(grid);
    const own = patches.slice(start, end);
    start = end;
    return { grid, patches: own };
  });
}

function requireOptions(model: Vlm, { prompts }: ForwardInputs, token: number, steps: number): void {
  if (prompts.length !== 1) throw new UsageError(ONE_IMAGE);
  const { vocabSize } = model.config.text;
  if (!Number.isInteger(token) || token < 0 || token >= vocabSize)
    throw new UsageError(`attribution: token ${token} is not in the vocabulary of ${vocabSize}.`);
  if (!Number.isInteger(steps) || steps < 1)
    throw new UsageError(`attribution: steps is ${steps}, but must be a whole number from 1.`);
}

/** V − V′ [1, N, D], W [1, k, N], Z′ = W·V′ and Z − Z′ = W·(V − V′), [1, k, D]. */
function pathOf(features: tf.Tensor3D, ledger: SampleLedger, baseline: tf.Tensor3D | undefined) {
  const total = features.shape[1];
  const given = baseline?.shape ?? features.shape;
  if (given.join() !== features.shape.join())
    throw new UsageError(`attribution: the baseline has shape [${given}], but the features have [${features.shape}].`);
  // Cells are −1 for the class token, which then is the first row of the features.
  const [{ extraTokens: classTokens }] = ledger.images;
  const entered = ledger.tokens.filter(({ firstLayer }) => firstLayer === 0);
  const values = new Float32Array(entered.length * total);
  entered.forEach(({ cell, weights }, i) => {
    if (weights) values.set(weights, i * total + classTokens);
    else values[i * total + cell + classTokens] = 1;
  });
  return tf.tidy(() => {
    const weights = tf.tensor3d(values, [1, entered.length, total]);
    const begin = baseline ?? features.mean<tf.Tensor3D>(1, true).tile([1, total, 1]);
    const difference = features.sub<tf.Tensor3D>(begin);
    const from = tf.matMul(weights, begin);
    return { weights, difference, from, along: tf.matMul(weights, difference), reached: tf.matMul(weights, features) };
  });
}

/** Completeness is a theorem where tokens are mixtures of the features, and nowhere else. */
async function requireMixtures(mixed: tf.Tensor, tokens: tf.Tensor): Promise<void> {
  const refused = new UsageError(
    "attribution: the tokens of this method are not mixtures of the patches' features alone (class token, " +
      "merging in the tower, or tokens made in the decoder).",
  );
  if (mixed.shape.join() !== tokens.shape.join()) throw refused;
  const apart = tf.tidy(() => mixed.sub(tokens).norm().div(tokens.norm()));
  const error = (await apart.data())[0];
  apart.dispose();
  if (!(error < 1e-4)) throw refused;
}

const put = (name: "stage1.tokens" | "projector.output", x: tf.Tensor): Tap => replace({ [name]: () => x });

function rowsOf(values: Float32Array, count: number): Float32Array[] {
  const width = values.length / count;
  return Array.from({ length: count }, (_, row) => values.slice(row * width, (row + 1) * width));
}
