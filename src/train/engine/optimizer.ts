import * as tf from "@tensorflow/tfjs";

/** One parameter of the flat vector. */
export interface ParameterEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly size: number;
}

/**
 * What is trained, with AdamW's two moments. All parameters are concatenated in one vector, so
 * that an update is about twenty operations however many tensors a model has.
 */
export interface TrainState {
  readonly entries: readonly ParameterEntry[];
  readonly parameters: tf.Tensor1D;
  /** Running mean of the gradient. */
  readonly first: tf.Tensor1D;
  /** Running mean of the squared gradient. */
  readonly second: tf.Tensor1D;
  /** Updates made so far. */
  readonly step: number;
}

/** AdamW's constants, the same for all steps. */
export interface AdamWOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** λ, taken off matrices only: no decay of norms, biases and embeddings. */
  readonly weightDecay: number;
  /** Gradients whose global norm is larger are scaled down to it. */
  readonly clipNorm: number;
}

/** A fresh state over copies of the given tensors. */
export function createTrainState(tensors: ReadonlyMap<string, tf.Tensor>): TrainState {
  const entries = [...tensors].map(([name, { shape, size }]) => ({ name, shape, size }));
  return tf.tidy(() => {
    const parameters = flatten([...tensors.values()]);
    return { entries, parameters, first: tf.zerosLike(parameters), second: tf.zerosLike(parameters), step: 0 };
  });
}

/** Frees a state. */
export function disposeTrainState({ parameters, first, second }: TrainState): void {
  tf.dispose([parameters, first, second]);
}

/** The parameters as tensors of their own, by name; the caller frees them. */
export function unpack(entries: readonly ParameterEntry[], flat: tf.Tensor1D): Map<string, tf.Tensor> {
  const tensors = tf.tidy(() => {
    const sizes = entries.map(({ size }) => size);
    return tf.split(flat, sizes).map((part, i) => part.reshape([...entries[i].shape]));
  });
  return new Map(entries.map(({ name }, i) => [name, tensors[i]]));
}

/** Tensors concatenated in one vector. */
export function flatten(tensors: readonly tf.Tensor[]): tf.Tensor1D {
  return tf.concat(tensors.map((tensor) => tensor.reshape([tensor.size]) as tf.Tensor1D));
}

/** 1 where weight decay applies: matrices and kernels, but neither norms, biases nor embeddings. */
export function decayMask(entries: readonly ParameterEntry[]): tf.Tensor1D {
  const values = new Float32Array(entries.reduce((sum, { size }) => sum + size, 0));
  let at = 0;
  for (const { name, shape, size } of entries) {
    if (shape.length > 1 && !/embed/.test(name.replace("patch_embedding", ""))) values.fill(1, at, at + size);
    at += size;
  }
  return tf.tensor1d(values);
}

/** What {@link adamW} returns. */
export interface Update {
  readonly state: TrainState;
  /** Global norm of the gradient before clipping. */
  readonly gradientNorm: tf.Scalar;
}

/**
 * One step of AdamW: Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101) after
 * clipping by the global norm. The old state stays valid; nothing is read from the backend.
 *
 * @param gradient of the loss, flat like the parameters
 * @param decays see {@link decayMask}
 */
export function adamW(
  state: TrainState,
  gradient: tf.Tensor1D,
  rate: number,
  decays: tf.Tensor1D,
  { beta1, beta2, epsilon, weightDecay, clipNorm }: AdamWOptions,
): Update {
  const step = state.step + 1;
  const updated = tf.tidy(() => {
    const gradientNorm = gradient.square().sum().sqrt() as tf.Scalar;
    const scale = tf.minimum(1, tf.scalar(clipNorm).div(gradientNorm.add(1e-6)));
    const clipped = gradient.mul(scale);
    const first = state.first.mul(beta1).add(clipped.mul(1 - beta1)) as tf.Tensor1D;
    const second = state.second.mul(beta2).add(clipped.square().mul(1 - beta2)) as tf.Tensor1D;
    const denominator = second
      .div(1 - beta2 ** step)
      .sqrt()
      .add(epsilon);
    const direction = first.div(1 - beta1 ** step).div(denominator);
    const kept = state.parameters.mul(decays.mul(-rate * weightDecay).add(1));
    return { parameters: kept.sub(direction.mul(rate)) as tf.Tensor1D, first, second, gradientNorm };
  });
  const { gradientNorm, ...tensors } = updated;
  return { state: { entries: state.entries, ...tensors, step }, gradientNorm };
}
