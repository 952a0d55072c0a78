import * as tf from "@tensorflow/tfjs";
import { run, tensorsIn } from "../../core/readback.ts";
import { preprocess } from "../../io/image.ts";
import type { Preprocessing } from "../../io/preprocessing.ts";
import { buildPrompt, type ChatTemplate } from "../../io/prompt.ts";
import type { Tokenizer } from "../../io/tokenizer.ts";
import { enteringPerLayer, leavingPerLayer, type SampleLedger } from "../../methods/ledger.ts";
import type { Model } from "../../model/llava/weights.ts";
import { generate } from "../../pipeline/generate.ts";
import { forward } from "../../pipeline/prefill.ts";
import type { Run } from "./controls.ts";

/** A model with all that stands between a picture, a question and an answer: what `nuwa ask` uses too. */
export interface Respondent {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  readonly preprocessing: Preprocessing;
}

/** A question about a picture. */
export interface Asked {
  /** Normalised channels, [3, H, W], from {@link pixelsOfFile}; the same array for questions about the same picture. */
  readonly pixels: Float32Array;
  readonly question: string;
}

/** What was said, and with how many visual tokens. */
export interface Answered {
  readonly answer: string;
  /** Visual tokens entering each decoder layer. */
  readonly entering: readonly number[];
  /** Visual tokens leaving each decoder layer and the cut behind it. */
  readonly leaving: readonly number[];
}

/** The pixels of an image file as the model sees them. @throws NuwaError when it is not an image */
export async function pixelsOfFile(path: string, { preprocessing }: Respondent): Promise<Float32Array> {
  return (await preprocess(path, preprocessing)).pixelValues.values;
}

/**
 * Greedy answers to a batch of questions. Prompt and picture of each are those of `nuwa ask`; shorter
 * prompts are padded at the end, which no mask lets anyone see.
 *
 * @param longest answers are cut after so many tokens
 */
export async function answerBatch(
  { model, tokenizer, template }: Respondent,
  asked: readonly Asked[],
  { method, tap, grey }: Run,
  longest: number,
): Promise<Answered[]> {
  const [height, width] = model.config.vision.imageSize;
  // Questions about one picture share its pixels, so that the tower sees it once.
  const pictures = [...new Set(asked.map((one) => one.pixels))];
  const imageOf = asked.map((one) => pictures.indexOf(one.pixels));
  const values = new Float32Array(pictures.length * 3 * height * width);
  // A normalised value of 0 is the mean colour.
  if (!grey) for (const [i, picture] of pictures.entries()) values.set(picture, i * picture.length);
  const prompts = asked.map(
    ({ question }) => buildPrompt(template, tokenizer, model.config.imageTokenId, question).ids,
  );
  const pixels = tf.tensor4d(values, [pictures.length, 3, height, width]);
  try {
    const result = await run(() => forward(model, { pixels, prompts, imageOf }, method, tap));
    try {
      const ids: number[][] = asked.map(() => []);
      for await (const step of generate(model, result, { maxNewTokens: longest }))
        step.forEach((id, i) => {
          if (id !== undefined) ids[i].push(id);
        });
      return ids.map((list, i) => {
        const ledger = result.ledgers[i] as SampleLedger;
        return {
          answer: tokenizer.decode(list),
          entering: enteringPerLayer(ledger),
          leaving: leavingPerLayer(ledger),
        };
      });
    } finally {
      tf.dispose(tensorsIn(result));
    }
  } finally {
    pixels.dispose();
  }
}
