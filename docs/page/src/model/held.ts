import * as tf from "@tensorflow/tfjs";

/** A value with all tensors that were made on the way to it. */
export interface Held<T> {
  readonly value: T;
  dispose(): void;
}

/**
 * Runs work and keeps every tensor that it makes: the functions of an encoded grid compute from states of the tower
 * when they are asked, which `tf.tidy` would have freed by then.
 */
export function hold<T>(work: () => T): Held<T> {
  const engine = tf.engine();
  engine.startScope("held");
  let made: tf.Tensor[] = [];
  try {
    const value = work();
    made = engine.state.activeScope.track.map((tensor) => tf.keep(tensor as tf.Tensor));
    return { value, dispose: () => tf.dispose(made) };
  } finally {
    engine.endScope();
  }
}
