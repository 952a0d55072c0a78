import * as tf from "@tensorflow/tfjs";
import { type Box, parseBoxes } from "../core/boxes.ts";
import { UsageError } from "../core/errors.ts";
import { run, tensorsIn } from "../core/readback.ts";
import { noTap } from "../core/taps.ts";
import type { SampleLedger } from "../methods/ledger.ts";
import type { MethodDefinition, Pruning } from "../methods/method.ts";
import type { NuwaRequest } from "../methods/nuwa/definition.ts";
import { createPruning } from "../methods/registry.ts";
import type { PreparedImage, Preprocessing } from "../model/preprocessing.ts";
import type { ImageInputs, Vlm } from "../model/vlm.ts";
import { type GenerateOptions, generate } from "./generate.ts";
import { type ForwardInputs, type ForwardResult, forward } from "./prefill.ts";
import { batchOf, buildPrompt, type ChatTemplate, type Question, type Tokenizer } from "./processor.ts";

/** A model with all that stands between pictures, a question and its answer; `loadVlm` reads it from a checkpoint. */
export interface LoadedVlm {
  readonly model: Vlm;
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  readonly preprocessing: Preprocessing;
}

/** What a model wrote to one prompt, and what became of its visual tokens. */
export interface Written {
  readonly text: string;
  readonly ids: readonly number[];
  /** Why the ids could not be made a text, where they could not; the text is empty then. */
  readonly problem?: Error;
  /** Undefined for a prompt without an image. */
  readonly ledger: SampleLedger | undefined;
}

/** What a model answered to a question about images. */
export interface Answer extends Written {
  /** Boxes in the text as fractions of what the model saw, see `parseBoxes`. */
  readonly boxes: readonly Box[];
}

/** Options of {@link answerPrompts}. */
export interface DecodingOptions extends Partial<GenerateOptions> {
  /** Gets the text of a sample piece by piece as it comes. */
  readonly show?: (piece: string, sample: number) => void;
}

/** The longest answer unless another is asked for, in tokens. */
const MOST_TOKENS = 32;

/**
 * Answers a batch of prompts: one prefill under a method, then decoding to the end of each answer.
 *
 * @param tokenizer whose `decode` turns ids into text
 * @param inputs pixels and token ids; prompts may share an image
 * @throws NuwaError when prompts and images do not fit the model
 */
export async function answerPrompts(
  model: Vlm,
  { decode }: Pick<Tokenizer, "decode">,
  inputs: ForwardInputs,
  method: Pruning,
  { maxNewTokens = MOST_TOKENS, tap = noTap, show, ...rest }: DecodingOptions = {},
): Promise<Written[]> {
  let start: ForwardResult | undefined;
  try {
    start = await run(() => forward(model, inputs, method, tap));
    const ids: number[][] = inputs.prompts.map(() => []);
    const shown = ids.map(() => "");
    // One answer that is no text ends none of the others.
    const decoded = (list: readonly number[]): Pick<Written, "text" | "problem"> => {
      try {
        return { text: decode(list) };
      } catch (problem) {
        return { text: "", problem: problem as Error };
      }
    };
    const showMore = (sample: number, text: string) => {
      if (!text.startsWith(shown[sample])) return;
      show?.(text.slice(shown[sample].length), sample);
      shown[sample] = text;
    };
    let steps = 0;
    for await (const step of generate(model, start, { maxNewTokens, tap, ...rest })) {
      // From the second token on each step has keys and values of its own, which are large.
      if (++steps === 2) tf.dispose(tensorsIn(start.state));
      for (const [sample, id] of step.entries()) {
        if (id === undefined) continue;
        ids[sample].push(id);
        if (!show) continue;
        const { text } = decoded(ids[sample]);
        // A character may take several tokens; it is shown once it is whole.
        if (!text.endsWith("\ufffd")) showMore(sample, text);
      }
    }
    const { ledgers } = start;
    return ids.map((list, sample) => {
      const written = decoded(list);
      if (show) showMore(sample, written.text);
      return { ...written, ids: list, ledger: ledgers[sample] };
    });
  } finally {
    tf.dispose(tensorsIn(start));
  }
}

/** Options of {@link answer}: a method with what it is asked for, how it is decoded, and a tap. */
export interface AnswerOptions extends Omit<NuwaRequest, "temperature" | "constants">, DecodingOptions {
  /** A name of the registry, a definition or a method that is made already; the unpruned model unless given. */
  readonly method?: string | MethodDefinition | Pruning;
}

/**
 * Answers a question about an image, or about several, under a pruning method; each image is pruned by itself.
 *
 * @example
 * const vlm = loadVlm(shapesWeights());
 * const image = await preprocess("docs/images/scene.png", vlm.preprocessing);
 * const { text } = await answer(vlm, image, "Where is the ring?", { method: "nuwa", average: { ratio: 1 / 9 } });
 *
 * @param image or several, which stand in front of the question unless it places them; none for a text alone
 *
 * @throws UsageError when the question, the method or an option does not fit
 * @throws NuwaError when prompt and image do not fit the model
 */
export async function answer(
  { model, tokenizer, template }: LoadedVlm,
  image: PreparedImage | readonly PreparedImage[],
  question: Question,
  { method = "none", average, positions, seed, variant, stage2, selection, ...decoding }: AnswerOptions = {},
): Promise<Answer> {
  const images = [image].flat();
  const { ids } = buildPrompt(template, tokenizer, model.config.imageTokenId, question, images.length);
  const request = { average, positions, seed, variant, stage2, selection };
  if (isMade(method) && Object.values(request).some((value) => value !== undefined))
    throw new UsageError("answer: a method that is made already takes no average or other request. Leave them out.");
  const made = isMade(method) ? method : createPruning(method, model.config, request);
  const inputs: Partial<ImageInputs> = images.length > 0 ? batchOf(images) : {};
  try {
    const [written] = await answerPrompts(model, tokenizer, { ...inputs, prompts: [ids] }, made, decoding);
    if (written.problem) throw written.problem;
    const units = images.map(({ boxUnit }) => boxUnit);
    return { ...written, boxes: parseBoxes(written.text, units.length > 0 ? units : undefined) };
  } finally {
    inputs.pixels?.dispose();
  }
}

function isMade(method: string | MethodDefinition | Pruning): method is Pruning {
  return typeof method === "function" || (typeof method === "object" && "selectPatches" in method);
}
