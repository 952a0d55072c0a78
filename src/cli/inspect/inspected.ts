import * as tf from "@tensorflow/tfjs";
import { measure } from "../../analysis/measure.ts";
import { printable, UsageError } from "../../core/errors.ts";
import { type OpenedModel, openModel } from "../../io/load.ts";
import { type Pruning, withPositions } from "../../methods/method.ts";
import { none } from "../../methods/none.ts";
import { POSITION_POLICIES, type PositionPolicy } from "../../methods/nuwa/positions.ts";
import { disposeModel, type Vlm } from "../../model/vlm.ts";
import { type Answer, answer } from "../../pipeline/answer.ts";
import type { PolicyAnswer } from "../../view/measures/positions.ts";
import { malformation } from "../../view/verdict.ts";
import { intersectionOverUnion } from "../../world/geometry.ts";
import { useBackendFor } from "../backend.ts";
import { loadWithin } from "../memory.ts";
import { methodFrom, requireFit, requireText } from "../options.ts";
import { say } from "../say.ts";
import type { InspectedRun, InspectOptions, MeasureName } from "./inspect-options.ts";
import { measuresNamed } from "./measures.ts";
import { type Asked, askedSubject, type Subject, tensorSubject } from "./subject.ts";
import { requireOutputs, writeInspection } from "./write.ts";

/**
 * Runs what `nuwa inspect` asks for, its options being checked.
 *
 * @param names the measures
 * @param line the command as it was typed
 * @throws NuwaError when a file, the model or the method does not fit
 */
export async function inspected(
  image: string | undefined,
  question: string | undefined,
  options: InspectOptions,
  names: readonly MeasureName[],
  line: string,
): Promise<void> {
  if (options.out !== undefined) requireOutputs(options.out, names);
  const opened = openModel(requireText("--model", options.model));
  requireLayer(options.layer, opened.config.facts.layers);
  const subject =
    options.inputs === undefined
      ? await askedSubject(image as string, question as string, options.source, opened)
      : tensorSubject(options.inputs, opened);
  const { method } = await methodFrom(options, opened.config);
  if (subject.asked) requireFit(method, opened, [subject.asked.image]);
  const backend = await useBackendFor(opened, options.backend);
  say("backend", `${backend.name} (${backend.reason})`);
  await measured(options, opened, subject, method, names, { backend, line, path: image });
}

async function measured(
  options: InspectOptions,
  opened: OpenedModel,
  subject: Subject,
  method: Pruning,
  names: readonly MeasureName[],
  run: InspectedRun,
): Promise<void> {
  const { asked, wordOf, gridNames } = subject;
  const { layers } = opened.config.facts;
  const held: tf.Tensor[] = [];
  try {
    let begun: readonly number[] = [];
    const source = () => {
      const { name, inputs } = subject.source(begun);
      if (inputs.pixels) held.push(inputs.pixels);
      return { name, inputs, method };
    };
    const model = loadWithin(opened, options);
    try {
      const said = asked && (await answer({ ...asked.processor, model }, asked.image, asked.question, { method }));
      if (said) say("answer", printable(said.text));
      begun = begunAnswer(said, options.after);
      const measures = measuresNamed(names, {
        ...{ layers, box: options.box, source, wordOf, gridNames },
        token: options.token === undefined ? undefined : { number: options.token, layer: options.layer ?? 0 },
        drawn: asked && { picture: asked.picture, grids: asked.image.pictures },
        detailed: options.out !== undefined || options.report !== undefined,
        answersUnder: asked && ((pruning) => answersUnder(model, asked, pruning)),
      });
      const own = subject.inputs(begun);
      if (own.pixels) held.push(own.pixels);
      const found = await measure(model, own, method, measures);
      const records = Object.fromEntries(names.map((name) => [name, found[name]]));
      for (const path of await writeInspection(options, records, asked, said?.text, run)) say("wrote", path);
    } finally {
      disposeModel(model);
    }
  } finally {
    tf.dispose(held);
  }
}

/** Refuses a decoder layer that the model does not have. @throws UsageError */
function requireLayer(layer: number | undefined, layers: number): void {
  if (layer !== undefined && layer >= layers)
    throw new UsageError(`--layer ${layer} does not exist; the decoder has layers 0 to ${layers - 1}.`);
}

/** The tokens of the answer behind which is measured. @throws UsageError when it has fewer */
function begunAnswer(said: Answer | undefined, after = 0): readonly number[] {
  const count = said?.ids.length ?? 0;
  // Behind its last token nothing follows that was answered.
  if (after > 0 && after >= count)
    throw new UsageError(`--after ${after}: the answer has ${count} tokens. Give at most ${Math.max(0, count - 1)}.`);
  return said?.ids.slice(0, after) ?? [];
}

/** What the model says under each position policy, and how its box lies to that of the unpruned answer. */
async function answersUnder(
  model: Vlm,
  { processor, image, question }: Asked,
  method: Pruning,
): Promise<Partial<Record<PositionPolicy, PolicyAnswer>>> {
  const vlm = { ...processor, model };
  const {
    boxes: [unpruned],
  } = await answer(vlm, image, question, { method: none() });
  const found: Partial<Record<PositionPolicy, PolicyAnswer>> = {};
  for (const policy of POSITION_POLICIES) {
    const { text, boxes } = await answer(vlm, image, question, { method: withPositions(method, policy) });
    const overlap = unpruned && boxes[0] ? intersectionOverUnion(unpruned, boxes[0]) : undefined;
    found[policy] = { text, malformed: malformation({ text, boxes }), overlap };
  }
  return found;
}
