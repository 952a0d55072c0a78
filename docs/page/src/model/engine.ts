import type * as tf from "@tensorflow/tfjs";
import { measureCost } from "../../../../src/analysis/cost/meter.ts";
import { unknownWords } from "../../../../src/cli/ask/asked.ts";
import { run } from "../../../../src/core/readback.ts";
import type { Sequence } from "../../../../src/core/slots.ts";
import { matchTaps, tapNames } from "../../../../src/core/tap-points.ts";
import { chain, noTap, type Recorder, record } from "../../../../src/core/taps.ts";
import { enteringPerLayer, type SampleLedger } from "../../../../src/methods/ledger.ts";
import { type Pruning, takesAverage } from "../../../../src/methods/method.ts";
import { createPruning, METHODS, methodNamed } from "../../../../src/methods/registry.ts";
import { type Answer, answer, type LoadedVlm } from "../../../../src/pipeline/answer.ts";
import { selectedImages, selectedSlots } from "../../../../src/pipeline/apply.ts";
import { choosePatches, methodFor } from "../../../../src/pipeline/choosing.ts";
import { splitPrompts } from "../../../../src/pipeline/placeholders.ts";
import { batchOf, buildPrompt } from "../../../../src/pipeline/processor.ts";
import { layOut } from "../../../../src/pipeline/prompts.ts";
import { recordScores } from "../../../../src/view/cut-scores.ts";
import type { Chosen, DrawnScene, LayerAttention, LoadedFacts, Seen, Setting, Told } from "./protocol.ts";
import { sceneCache, seenOf } from "./scenes.ts";

/** What the worker does with the model. */
export interface Engine {
  readonly facts: LoadedFacts;
  readonly vlm: LoadedVlm;
  see(scene: DrawnScene): Seen;
  choose(scene: DrawnScene, question: string, setting: Setting): Promise<Chosen>;
  ask(scene: DrawnScene, question: string, pruning: Pruning, watch: boolean): Promise<Told>;
  /** Words of a question that the vocabulary lacks. */
  unknown(question: string): string[];
}

/** Work with a model that is loaded. */
export function createEngine(vlm: LoadedVlm, backend: string): Engine {
  const { model, tokenizer } = vlm;
  const { config } = model;
  const shape = config.imageShape;
  if (!shape) throw new Error("the page is made for a model whose images have one shape.");
  const sceneOf = sceneCache(vlm);
  return {
    vlm,
    facts: {
      layers: config.facts.layers,
      grid: shape.grids[0],
      methods: METHODS.map(({ name, summary, positions }) => ({ name, summary, positions })),
      backend,
    },
    see: (scene) => seenOf(sceneOf(scene)),
    async choose(scene, question, setting) {
      const started = performance.now();
      const pruning = pruningFor(vlm, setting);
      const { image, encoded } = sceneOf(scene);
      const { merge } = methodFor(pruning, shape, model);
      // A method that merges inside the tower has a tower of its own.
      const inputs = merge && batchOf([image]);
      try {
        const found = await run(function* () {
          const seen = inputs ? yield* model.encode(inputs, noTap, merge) : encoded.value;
          const chosen = yield* choosePatches(model, seen, pruning, noTap);
          const images = selectedImages(chosen);
          const { ids } = buildPrompt(vlm.template, tokenizer, config.imageTokenId, question);
          const segments = splitPrompts([ids], config, [shape]);
          const { sequence, nextPosition } = layOut(segments, selectedSlots(segments, images), images, 1);
          const [{ selection, weights }] = chosen[0].grids;
          return {
            cells: [...selection.cells[0]],
            pillars: selection.pillars && [...selection.pillars[0]],
            weights,
            ids: idsOf(sequence),
            nextId: nextPosition[0] - textBehind(sequence),
          };
        });
        return { ...found, milliseconds: performance.now() - started };
      } finally {
        inputs?.pixels.dispose();
      }
    },
    async ask(scene, question, pruning, watch) {
      const started = performance.now();
      const { image } = sceneOf(scene);
      const names = tapNames(model.tapLayers);
      const attention = record(watch ? matchTaps("llm.*.attention", names) : []);
      const logits = record(["logits_last"]);
      const scores = recordScores();
      try {
        const taps = [attention.tap, logits.tap, scores.tap];
        const { result, cost } = await measureCost((meter) =>
          answer(vlm, image, question, { method: pruning, tap: chain(meter, ...taps) }),
        );
        return {
          ...told(result),
          logits: (await logits.get("logits_last").data()) as Float32Array,
          flops: cost.flops,
          cacheBytes: cost.cacheBytes,
          scores: (await scores.read()).map(({ layer, scores: values }) => ({ layer, scores: [...values] })),
          attention: watch ? await attentionOf(attention, config.facts.layers) : undefined,
          milliseconds: performance.now() - started,
        };
      } finally {
        for (const recorder of [attention, logits, scores]) recorder.dispose();
      }
    },
    unknown: (question) => unknownWords(question, tokenizer),
  };
}

/** The method of a setting. @throws UsageError when it does not fit the model */
export function pruningFor({ model }: LoadedVlm, { method, average, ...request }: Setting): Pruning {
  if (!takesAverage(methodNamed(method))) return createPruning(method, model.config, request);
  return createPruning(method, model.config, { average: { tokens: average }, ...request });
}

function idsOf([slots]: Sequence): number[] {
  return slots.flatMap((slot) => (slot?.kind === "visual" ? [slot.position[0]] : []));
}

/** Tokens of text behind the image, which count on from the id behind it. */
function textBehind([slots]: Sequence): number {
  return slots.length - 1 - slots.findLastIndex((slot) => slot?.kind === "visual");
}

function told({
  text,
  boxes: [box],
  ledger,
}: Answer): Omit<Told, "logits" | "flops" | "cacheBytes" | "scores" | "milliseconds"> {
  const { tokens, total, textTokens } = ledger as SampleLedger;
  return {
    text,
    box,
    tokens: tokens.map(({ cell, position, pillar, firstLayer, layers }) => ({
      ...{ cell, id: position[0], pillar, firstLayer, layers },
    })),
    total,
    textTokens,
    entering: enteringPerLayer(ledger as SampleLedger),
  };
}

/** Mean over heads of the attention of the prefill, layer by layer. */
async function attentionOf(recorder: Recorder, layers: number): Promise<LayerAttention[]> {
  return Promise.all(
    Array.from({ length: layers }, async (_, layer) => {
      const [{ value, visit }] = recorder.all(`llm.${layer}.attention`);
      const [slots] = visit.sequence as Sequence;
      const mean = (value as tf.Tensor4D).mean(1); // [1, S, S]
      const attention = (await mean.data()) as Float32Array;
      mean.dispose();
      return { places: slots.map((slot) => (slot?.kind === "visual" ? slot.row : -1)), attention };
    }),
  );
}
