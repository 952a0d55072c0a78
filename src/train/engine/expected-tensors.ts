import * as tf from "@tensorflow/tfjs";
import type { Stage } from "./stage.ts";
import type { Layout, Progress } from "./training-state.ts";

/**
 * What a checkpoint must hold at a step of a training, found by starting the training again up to there: shapes
 * of all tensors by their name in the file. Between stages all weights are `frozen/`; in the middle of one those
 * that it trains are `parameters/`, with both moments as `first/` and `second/`.
 *
 * @param initial weights to start from; they are freed
 */
export async function checkpointLayout(
  stages: readonly Stage[],
  initial: () => Map<string, tf.Tensor>,
  { stage, step }: Pick<Progress, "stage" | "step">,
): Promise<Layout> {
  let weights = initial();
  for (const begun of stages.slice(0, step > 0 ? stage + 1 : stage)) weights = await begun.begin(weights);
  const trains = (name: string) => step > 0 && stages[stage].trains(name);
  const all = [...weights];
  const layout = (["frozen", "parameters", "first", "second"] as const).flatMap((kind) =>
    all
      .filter(([name]) => trains(name) === (kind !== "frozen"))
      .map(([name, { shape }]) => [`${kind}/${name}`, shape] as const),
  );
  tf.dispose([...weights.values()]);
  return new Map(layout);
}
