import { enteringPerLayer, leavingPerLayer, type SampleLedger } from "../../methods/ledger.ts";
import type { PreparedImage } from "../../model/preprocessing.ts";
import { answerPrompts, type LoadedVlm } from "../../pipeline/answer.ts";
import { batchOf, buildPrompt } from "../../pipeline/processor.ts";
import type { Run } from "./controls.ts";

/** A question about a picture. */
export interface Asked {
  /** The same object for questions about the same picture. */
  readonly image: PreparedImage;
  readonly question: string;
}

/** What was said, and with how many visual tokens. */
export interface Answered {
  readonly answer: string;
  /** Why the answer could not be made a text, where it could not; it is empty then. */
  readonly problem?: Error;
  /** Visual tokens entering each decoder layer. */
  readonly entering: readonly number[];
  /** Visual tokens leaving each decoder layer and the cut after it. */
  readonly leaving: readonly number[];
  /** Visual tokens of the unpruned model. */
  readonly total: number;
}

/**
 * Greedy answers to a batch of questions. Prompt and picture of each are those of `nuwa ask`; shorter
 * prompts are padded at the end, which the masks hide from all other tokens.
 *
 * @param longest answers are truncated after so many tokens
 */
export async function answerBatch(
  { model, tokenizer, template }: LoadedVlm,
  asked: readonly Asked[],
  { method, tap, grey }: Run,
  longest: number,
): Promise<Answered[]> {
  // Questions about one picture share its pixels, so that the tower runs on it once.
  const pictures = [...new Set(asked.map((one) => one.image))];
  const imagesOf = asked.map((one) => [pictures.indexOf(one.image)]);
  const prompts = asked.map(
    ({ question }) => buildPrompt(template, tokenizer, model.config.imageTokenId, question).ids,
  );
  const images = batchOf(grey ? pictures.map(greyed) : pictures);
  try {
    const inputs = { ...images, prompts, imagesOf };
    const answers = await answerPrompts(model, tokenizer, inputs, method, { maxNewTokens: longest, tap });
    return answers.map(({ text, problem, ledger }) => ({
      answer: text,
      problem,
      entering: enteringPerLayer(ledger as SampleLedger),
      leaving: leavingPerLayer(ledger as SampleLedger),
      total: (ledger as SampleLedger).total,
    }));
  } finally {
    images.pixels.dispose();
  }
}

/** The image in the mean colour alone, which normalisation makes 0. */
function greyed(image: PreparedImage): PreparedImage {
  const { shape, values } = image.pixelValues;
  return { ...image, pixelValues: { shape, values: new Float32Array(values.length) } };
}
