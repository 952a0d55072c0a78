import * as tf from "@tensorflow/tfjs";

/*
 * Ops that a model makes of many small ones at each token, where calling an op takes longer than computing it. A
 * backend may have a kernel for the whole; elsewhere it is the small ones that run. Both give the same bits, save a
 * norm of few values on tensorflow (native/small-rows.ts).
 */

/** Whether the current backend has a kernel for all of an op. */
function isFused(kernel: "RmsNorm" | "Rotate"): boolean {
  return tf.getKernel(kernel, tf.getBackend()) !== undefined;
}

/** Above this many values wasm's own kernels, which compute four at a time, are faster than a loop over them. */
const MOST_VALUES_ON_WASM = 2 ** 13;

/**
 * x / √(mean(x²) + ε) · w over the last axis, differentiable in x and w.
 *
 * @param x [..., C]
 * @param weight [C]
 */
export function scaleToUnitRms<T extends tf.Tensor>(x: T, weight: tf.Tensor, eps: number): T {
  if (isFused("RmsNorm") && !(tf.getBackend() === "wasm" && x.size > MOST_VALUES_ON_WASM))
    return tf.engine().runKernel("RmsNorm", { x, weight }, { eps }) as T;
  return tf.tidy(() => x.mul(inverseRms(x, eps)).mul(weight));
}

function inverseRms(x: tf.Tensor, eps: number): tf.Tensor {
  return x.square().mean(-1, true).add(eps).rsqrt();
}

tf.registerGradient({
  kernelName: "RmsNorm",
  inputsToSave: ["x", "weight"],
  gradFunc: (dy, [x, weight], attrs) => {
    const { eps } = attrs as unknown as { eps: number };
    const up = dy as tf.Tensor;
    return {
      x: () => {
        const inverse = inverseRms(x, eps);
        const scaled = up.mul(weight);
        const along = scaled.mul(x).mean(-1, true).mul(inverse.square());
        return scaled.sub(x.mul(along)).mul(inverse);
      },
      weight: () => {
        const all = up.mul(x).mul(inverseRms(x, eps));
        return all.sum(all.shape.slice(0, -1).map((_, axis) => axis));
      },
    };
  },
});

/**
 * x·cos + (−x₂, x₁)·sin, where x₁ and x₂ are the halves of the last axis; differentiable in all three.
 *
 * @param x [B, h, S, d]
 * @param cos [B, 1, S, d], or a shape that is broadcast to that of x
 * @param sin of the shape of cos
 */
export function turnHalves(x: tf.Tensor4D, cos: tf.Tensor4D, sin: tf.Tensor4D): tf.Tensor4D {
  const [batch, , tokens, width] = x.shape;
  // Not where windows or images share their angles: the kernels do not broadcast.
  if (isFused("Rotate") && cos.shape.join() === [batch, 1, tokens, width].join())
    return tf.engine().runKernel("Rotate", { x, cos, sin }) as tf.Tensor4D;
  return tf.tidy(() => x.mul(cos).add(quarterTurn(x).mul(sin)));
}

/** (x₁, x₂) → (−x₂, x₁) */
function quarterTurn(x: tf.Tensor4D): tf.Tensor4D {
  const half = x.shape[3] / 2;
  const [first, second] = [x.slice([0, 0, 0, 0], [-1, -1, -1, half]), x.slice([0, 0, 0, half])];
  return tf.concat([second.neg(), first], 3);
}

tf.registerGradient({
  kernelName: "Rotate",
  inputsToSave: ["x", "cos", "sin"],
  gradFunc: (dy, [x, cos, sin]) => {
    const up = dy as tf.Tensor4D;
    return {
      // The transpose of a quarter turn is one the other way round.
      x: () => up.mul(cos).sub(quarterTurn(up.mul(sin))),
      cos: () => up.mul(x).sum(1, true),
      sin: () => up.mul(quarterTurn(x as tf.Tensor4D)).sum(1, true),
    };
  },
});
