import * as tf from "@tensorflow/tfjs";

/** Weights from which on a turned product is faster: below, calling two ops takes longer than computing. */
const LARGE = 2 ** 18;

/**
 * Registers the product x·Wᵀ of two matrices as TensorFlow's CPU kernels do it fast. With the second factor
 * transposed they take 1.6 times as long at 640 rows, and up to 30 times at two; W·xᵀ, whose result is then transposed,
 * costs what a product without transposition costs. A single row is fast as it is.
 *
 * @param backend the backend object of the package
 */
export function repairNativeMatMul(backend: object): void {
  const published = tf.getKernel("BatchMatMul", "tensorflow").kernelFunc;
  const transpose = tf.getKernel("Transpose", "tensorflow").kernelFunc;
  tf.unregisterKernel("BatchMatMul", "tensorflow");
  tf.registerKernel({
    kernelName: "BatchMatMul",
    backendName: "tensorflow",
    kernelFunc(call) {
      const { a, b } = call.inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
      const { transposeA, transposeB } = call.attrs as unknown as { transposeA: boolean; transposeB: boolean };
      const areMatrices = a.shape.length === 2 && b.shape.length === 2;
      const isSlow = transposeB && !transposeA && areMatrices && a.shape[0] > 1 && b.shape[0] * b.shape[1] >= LARGE;
      if (!isSlow) return published(call);
      const turned = published({ ...call, inputs: { a: b, b: a } }) as tf.TensorInfo; // [out, rows]
      const product = transpose({ inputs: { x: turned }, backend, attrs: { perm: [1, 0] } });
      (turned as tf.Tensor).dispose();
      return product;
    },
  });
}
