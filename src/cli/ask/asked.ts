import { printable, UsageError } from "../../core/errors.ts";
import { mixedRandom } from "../../core/random-numbers.ts";
import type { GenerateOptions } from "../../pipeline/generate.ts";
import type { Tokenizer } from "../../pipeline/processor.ts";
import type { RecordedOptions } from "../ask-record.ts";
import type { NamedCell } from "./collector.ts";

/** The options of `nuwa ask`. */
export interface AskOptions extends RecordedOptions {
  readonly image?: readonly string[];
  readonly tap?: readonly string[];
  readonly dump?: string;
  readonly dumpInputs?: string;
  readonly explore?: boolean;
  readonly collector?: NamedCell;
  readonly report?: string;
}

/** What a command line asks. */
export interface Asked {
  readonly paths: readonly string[];
  readonly text: string;
}

/**
 * The images and the question of a command line.
 *
 * @param command the command that is asked: "ask"
 * @throws UsageError when one of them is missing or given twice
 */
export function askedOf(
  command: string,
  first: string | undefined,
  second: string | undefined,
  images: readonly string[] | undefined,
): Asked {
  if (images && second !== undefined)
    throw new UsageError("images are given twice, with --image and in front of the question. Use one way.");
  const text = images ? first : second;
  const paths = images ?? (first === undefined ? [] : [first]);
  if (text === undefined)
    throw new UsageError(
      `${paths.length === 0 ? "image and question are missing" : "the question is missing"}. ` +
        `Write nuwa ${command} IMAGE "QUESTION", or nuwa ${command} --image A --image B "QUESTION".`,
    );
  return { paths, text };
}

/** How tokens are drawn. @throws UsageError for a temperature or a share that cannot be used */
export function samplingOf({ temperature, topP, seed }: AskOptions): Pick<GenerateOptions, "sampling"> {
  if (temperature === undefined) {
    if (topP !== undefined) throw new UsageError("--top-p needs --temperature: without it the best token is taken.");
    return {};
  }
  if (temperature <= 0)
    throw new UsageError(`--temperature ${temperature} must be above 0; leave it out to take the best token.`);
  if (topP !== undefined && (topP <= 0 || topP > 1)) throw new UsageError(`--top-p ${topP} must lie in (0, 1].`);
  return { sampling: { temperature, topP: topP ?? 1, random: mixedRandom(seed) } };
}

/** Words of a question that the vocabulary lacks. A tokenizer that falls back to bytes knows every word. */
export function unknownWords(question: string, tokenizer: Tokenizer): string[] {
  const unknown = tokenizer.idOf("<unk>");
  if (unknown === undefined) return [];
  const words = question.match(/[\p{L}\p{N}]+/gu) ?? [];
  return [...new Set(words)].filter((word) => tokenizer.encode(word, false).includes(unknown)).map(printable);
}
