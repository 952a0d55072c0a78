import * as tf from "@tensorflow/tfjs";
import { enteringPerLayer, leavingPerLayer, type SampleLedger } from "../../methods/ledger.ts";
import { answerPrompts, type LoadedVlm } from "../../pipeline/answer.ts";
import { buildPrompt } from "../../pipeline/processor.ts";
import type { Run } from "./controls.ts";

/** A question about a picture. */
export interface Asked {
  /** Normalised channels, [3, H, W]; the same array for questions about the same picture. */
  readonly pixels: Float32Array;
  readonly question: string;
}

/** What was said, and with how many visual tokens. */
export interface Answered {
  readonly answer: string;
  /** Visual tokens entering each decoder layer. */
  readonly entering: readonly number[];
  /** Visual tokens leaving each decoder layer and the cut after it. */
  readonly leaving: readonly number[];
}

/**
 * Greedy answers to a batch of questions. Prompt and picture of each are those of `nuwa ask`; shorter
 * prompts are padded at the end, which the masks hide from all other tokens.
 *
 * @param longest answers are truncated after so many tokens
 */
export async function answerBatch(
  { model, tokenizer, template, preprocessing }: LoadedVlm,
  asked: readonly Asked[],
  { method, tap, grey }: Run,
  longest: number,
): Promise<Answered[]> {
  const [height, width] = preprocessing.imageSize;
  // Questions about one picture share its pixels, so that the tower runs on it once.
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
    const inputs = { pixels, prompts, imageOf };
    const answers = await answerPrompts(model, tokenizer, inputs, method, { maxNewTokens: longest, tap });
    return answers.map(({ text, ledger }) => ({
      answer: text,
      entering: enteringPerLayer(ledger as SampleLedger),
      leaving: leavingPerLayer(ledger as SampleLedger),
    }));
  } finally {
    pixels.dispose();
  }
}
