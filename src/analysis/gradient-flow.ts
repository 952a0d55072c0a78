import * as tf from "@tensorflow/tfjs";
import { replace, type Tap } from "../core/taps.ts";
import { continueFrom, throughLayer } from "../pipeline/continue.ts";
import { flowBetween, matrixOf, type SegmentFlow } from "./flow.ts";
import type { Measure } from "./measure.ts";

/**
 * **Attention flow weighted by gradients**, layer by layer: {@link attentionFlow} of
 *
 * $$ \frac{1}{h} \sum_a \operatorname{ReLU}\Big( A_a \circ \frac{\partial y}{\partial A_a} \Big) $$
 *
 * in place of Ā, y being the logit of the greedy next token. The softmaxed attention of one layer is varied by itself,
 * and all later layers depend on it. In the last layer only the last token's row matters. Selections are held fixed.
 * Nothing is normalised. ReLU goes before the mean over heads, where the paper does not say.
 *
 * The pass is gone through backwards, layer by layer, so that one layer's attention is held at a time.
 */
export function gradientFlow(): Measure<SegmentFlow> {
  return (model, watch) => {
    const statesOf = watch.states();
    return async ({ result, slots, token }) => {
      const states = statesOf();
      const layers = model.tapLayers.llm;
      const flows: number[][][] = [];
      // ∂y/∂x, [1, S, Hd]
      let slope = tf.tidy(() =>
        tf.grad((x: tf.Tensor) =>
          continueFrom(model, result, layers, x as tf.Tensor3D)
            .flatten()
            .slice([token], [1])
            .squeeze(),
        )(states[layers]),
      );
      try {
        for (let i = layers - 1; i >= 0; i--) {
          const behind = slope;
          const { flow, before } = tf.tidy(() => {
            const { attention, ofAttention, ofState } = slopesAt(`llm.${i}.attention`, states[i], (x, tap) =>
              throughLayer(model, result, i, x, tap).mul(behind).sum(),
            );
            const weighted = tf.relu(attention.mul(ofAttention)).mean(1).squeeze([0]);
            return { flow: flowBetween(weighted, slots[i]), before: ofState };
          });
          flows[i] = matrixOf((await flow.data()) as Float32Array);
          tf.dispose([flow, behind]);
          slope = before;
        }
      } finally {
        slope.dispose();
      }
      return flows;
    };
  };
}

/** What passes a point, and the gradients of a number with respect to it and to the state that the number is of. */
function slopesAt(
  name: `llm.${number}.attention`,
  state: tf.Tensor3D,
  number: (x: tf.Tensor3D, tap: Tap) => tf.Tensor,
) {
  let seen: tf.Tensor | undefined;
  const look = (x: tf.Tensor) => {
    seen = tf.keep(x.clone());
    return x;
  };
  number(state, replace({ [name]: look })).dispose();
  const kept = seen as unknown as tf.Tensor;
  try {
    // A shift of zero is a leaf of the tape whose gradient is that of the point.
    const [ofState, ofAttention] = tf.grads((x: tf.Tensor, shift: tf.Tensor) =>
      number(x as tf.Tensor3D, replace({ [name]: (own: tf.Tensor) => own.add(shift) })),
    )([state, tf.zerosLike(kept)]);
    return { attention: kept.clone(), ofAttention, ofState: ofState as tf.Tensor3D };
  } finally {
    kept.dispose();
  }
}
