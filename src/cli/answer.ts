import * as tf from "@tensorflow/tfjs";
import { type ExactCost, measureCost } from "../analysis/cost/meter.ts";
import { run, tensorsIn } from "../core/readback.ts";
import type { Tokenizer } from "../io/tokenizer.ts";
import type { SampleLedger } from "../methods/ledger.ts";
import type { Method } from "../methods/method.ts";
import type { Model } from "../model/llava/weights.ts";
import { type GenerateOptions, generate } from "../pipeline/generate.ts";
import { type ForwardResult, forward } from "../pipeline/prefill.ts";

/** A prompt with its image, ready to be answered. */
export interface Question {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  /** Token ids with one image token. */
  readonly ids: readonly number[];
  /** [1, 3, H, W], normalised. */
  readonly pixels: tf.Tensor4D;
}

/** What a model answered under a method, and what became of the visual tokens. */
export interface Answer {
  readonly ids: readonly number[];
  readonly text: string;
  readonly ledger: SampleLedger;
  /** Of the prefill. */
  readonly cost: ExactCost;
}

/**
 * Answers a question under a pruning method.
 *
 * @param show gets the text piece by piece as it comes
 */
export async function answerQuestion(
  { model, tokenizer, ids: prompt, pixels }: Question,
  method: Method,
  options: GenerateOptions,
  show: (piece: string) => void = () => undefined,
): Promise<Answer> {
  let start: ForwardResult | undefined;
  try {
    const { result, cost } = await measureCost((tap) =>
      run(() => forward(model, { pixels, prompts: [prompt] }, method, tap)),
    );
    start = result;
    const ids: number[] = [];
    let shown = "";
    for await (const [id] of generate(model, start, options)) {
      ids.push(id as number);
      const text = tokenizer.decode(ids);
      // A character may take several tokens; it is shown once it is whole.
      if (text.endsWith("\ufffd") || !text.startsWith(shown)) continue;
      show(text.slice(shown.length));
      shown = text;
    }
    const text = tokenizer.decode(ids);
    if (text.startsWith(shown)) show(text.slice(shown.length));
    return { ids, text, ledger: start.ledgers[0] as SampleLedger, cost };
  } finally {
    tf.dispose(tensorsIn(start));
  }
}
