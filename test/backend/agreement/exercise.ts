import * as tf from "@tensorflow/tfjs";
import { run, tensorsIn } from "../../../src/core/readback.ts";
import { loadModel } from "../../../src/io/load.ts";
import { createMethod } from "../../../src/methods/registry.ts";
import { type Llava, requireLlava } from "../../../src/model/llava/llava.ts";
import { disposeModel } from "../../../src/model/vlm.ts";
import { advance } from "../../../src/pipeline/decode.ts";
import { gradients } from "../../../src/pipeline/gradients.ts";
import { type ForwardInputs, forward } from "../../../src/pipeline/prefill.ts";
import { expected, fixturePath } from "../../support.ts";

/** Every way through the model that there is: methods, variants, scores of stage 2. */
const METHODS = [
  ["none", {}],
  ["nuwa", { variant: "official", stage2: "attention" }],
  ["nuwa", { variant: "official", stage2: "random" }],
  ["nuwa", { variant: "paper", stage2: "cosine" }],
] as const;
const [NONE, OFFICIAL, RANDOM, PAPER] = METHODS;

/**
 * Does on the current backend what the project does with tensors: loads a model, runs it unpruned and
 * pruned, on one sample and on a padded batch, decodes, and takes the gradient of a logit with respect to
 * the pixels and all weights that it depends on.
 */
export async function exercise(fixture: "square" | "wide"): Promise<void> {
  const model = loadModel(fixturePath(fixture));
  for (const { inputs, differentiated } of inputsOf(fixture)) {
    for (const way of METHODS) {
      const [name, request] = way;
      const method = createMethod(name, model.config, { average: { ratio: 1 / 3 }, ...request });
      const result = await run(() => forward(model, inputs, method));
      const next = advance(
        model,
        result.state,
        inputs.prompts.map(() => [7]),
      );
      tf.dispose(tensorsIn([result, next]));
      if (!differentiated.includes(way)) continue;
      const of = [inputs.pixels as tf.Tensor, ...weightsThatMatter(requireLlava(model), name)];
      const found = await gradients(model, inputs, method, ({ logits }) => logits.slice([0, 5], [1, 1]).squeeze(), of);
      tf.dispose([found.value, ...found.gradients]);
    }
    inputs.pixels?.dispose();
  }
  disposeModel(model);
}

/** What a fixture is run on, and with which methods gradients are taken: not all, because cpu is slow. */
function inputsOf(
  fixture: "square" | "wide",
): { inputs: ForwardInputs; differentiated: readonly (typeof METHODS)[number][] }[] {
  const wanted = expected(fixture);
  const pixels = (name: string, images: number) =>
    tf.tensor(wanted.floats(name)).reshape([images, ...wanted.shape(name).slice(-3)]) as tf.Tensor4D;
  const single = { pixels: pixels("pixel_values", 1), prompts: [wanted.integers("input_ids")] };
  if (fixture === "wide") return [{ inputs: single, differentiated: [PAPER] }];
  const prompts = [wanted.integers("batch.input_ids.0"), wanted.integers("batch.input_ids.1")];
  return [
    { inputs: single, differentiated: [NONE, OFFICIAL, RANDOM, PAPER] },
    { inputs: { pixels: pixels("batch.pixel_values", 2), prompts }, differentiated: [OFFICIAL] },
    { inputs: { prompts: [wanted.integers("text.input_ids")] }, differentiated: [] },
  ];
}

/** All but the last block of the tower: the unpruned model reads the hidden state before it. */
function weightsThatMatter(model: Llava, method: string): tf.Tensor[] {
  const last = `encoder.layers.${model.config.vision.numHiddenLayers - 1}.`;
  return [...model.tensors].flatMap(([name, tensor]) => (method === "none" && name.includes(last) ? [] : [tensor]));
}
