import * as tf from "@tensorflow/tfjs";
import { LimitError, NuwaError, UsageError } from "../core/errors.ts";
import { shown } from "../core/schema.ts";
import type { PreparedPixels } from "../model/preprocessing.ts";
import type { ImageInputs } from "../model/vlm.ts";

/*
 * What stands between a picture, a question and the tensors of a model: what Hugging Face calls a processor. How its
 * parts are read from the files of a checkpoint is in io/.
 */

/** Text to token ids and back. */
export interface Tokenizer {
  /** Ids of a text; special tokens written in it are recognised. `addSpecialTokens` adds what the model starts with. */
  encode(text: string, addSpecialTokens: boolean): number[];
  /** Text of ids, special tokens left out. */
  decode(ids: readonly number[]): string;
  /** Id of a token such as `<image>`. */
  idOf(token: string): number | undefined;
  /** The token of an id. */
  tokenOf(id: number): string | undefined;
}

/**
 * The images of a batch as the model takes them; the caller frees `pixels`.
 *
 * @param images of one model's preprocessing
 */
export function batchOf(images: readonly PreparedPixels[]): ImageInputs {
  if (images.length === 0) throw new NuwaError("batchOf: there is no image. Leave the images out.");
  const pixels = tf.tidy(() =>
    tf.concat(
      images.map(({ pixelValues: { shape, values } }) =>
        // One image of a single tile has no axis of images.
        tf.tensor(values, shape.length === 3 ? [1, ...shape] : [...shape]),
      ),
      0,
    ),
  );
  const sizes = images.flatMap(({ size }) => (size ? [size] : []));
  return sizes.length > 0 ? { pixels, sizes } : { pixels };
}

/** One turn of a conversation, in the form that chat templates take. */
export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: readonly ({ readonly type: "image" } | { readonly type: "text"; readonly text: string })[];
}

/** A turn as templates of other tools take it, which know texts alone; images stand in the text. */
interface TextMessage {
  readonly role: ChatMessage["role"];
  readonly content: string;
}

/** Conversation to text, ending where the assistant's answer begins. */
export interface ChatTemplate {
  /** The file it was read from, or what it is; for errors. */
  readonly origin: string;
  /** @param imageToken what to write for an image, where the template leaves that open */
  render(messages: readonly ChatMessage[], imageToken?: string): string;
}

/** Stands for an image in a question that is a text. */
export const IMAGE_MARKER = "<image>";

/**
 * What is asked: a text, which stands behind all images or says by `<image>` where each of them stands, or texts and
 * images in the order in which they stand.
 */
export type Question = string | ChatMessage["content"];

/** A question, ready for the model. */
export interface Prompt {
  /** One image token for each image. */
  readonly ids: number[];
  /** What was tokenised, with `<image>` where an image stands. */
  readonly text: string;
}

/**
 * A question about images, as token ids.
 *
 * Where the tokenizer has a placeholder of the id that the model wants, the whole text is tokenised at
 * once. Original LLaVA's id, −200, is no token: the text is cut at `<image>`, its parts are tokenised
 * alone, and the id goes in between.
 *
 * @param imageTokenId the placeholder that the visual tokens replace
 * @param images how many there are; 0 for a question about nothing seen
 * @throws UsageError when the question is empty, holds the placeholder itself or places another number of images
 * @throws NuwaError when the template does not place each image once, and where the question does
 */
export function buildPrompt(
  template: ChatTemplate,
  tokenizer: Tokenizer,
  imageTokenId: number,
  question: Question,
  images = 1,
): Prompt {
  const placeholder = placeholderOf(tokenizer, imageTokenId);
  const marker = placeholder ?? IMAGE_MARKER;
  const placed = placedIn(question, images);
  const content = typeof placed === "string" ? inFront(placed, images) : placed;
  const asked = content.map((part) => (part.type === "text" ? part.text : "")).join("");
  if (asked.trim() === "") throw new UsageError("the question is empty. Ask something about the image.");
  if (asked.includes(marker))
    throw new UsageError(`the question holds ${shown(marker)}, which stands for the image. Leave it out.`);

  const { text, parts } = rendered(template, marker, placed, content, images);
  if (placeholder !== undefined || images === 0) return { ids: encodeStart(tokenizer, text), text };
  const [first, ...rest] = parts;
  const behind = rest.flatMap((part) => [imageTokenId, ...tokenizer.encode(part, false)]);
  return { ids: [...encodeStart(tokenizer, first), ...behind], text };
}

/**
 * A question in a template. Templates take the content of a turn as a list of texts and images, as a list of one text
 * with the images in it, or as a text with the images in it: the first form is taken in which the prompt holds the
 * question, and each image where it belongs.
 *
 * @throws NuwaError where there is no such form, with what is wrong in the form that transformers would give
 */
function rendered(
  template: ChatTemplate,
  marker: string,
  placed: Question,
  content: ChatMessage["content"],
  images: number,
): { readonly text: string; readonly parts: readonly string[] } {
  // In front of a question each image is a line, as in LLaVA's own prompts.
  const between = typeof placed === "string" ? "\n" : "";
  const whole = content.map((part) => (part.type === "image" ? `${marker}${between}` : part.text)).join("");
  const forms: (ChatMessage | TextMessage)[] = [
    { role: "user", content },
    ...(typeof placed === "string"
      ? []
      : [{ role: "user" as const, content: [{ type: "text" as const, text: whole }] }]),
    { role: "user", content: whole },
  ];
  let problem: NuwaError | undefined;
  for (const form of forms) {
    try {
      const text = template.render([form as ChatMessage], marker);
      const parts = text.split(marker);
      requireWhole(template, text, parts, marker, placed, content, images);
      return { text, parts };
    } catch (error) {
      // What takes too long in one form would take as long in the others.
      if (error instanceof LimitError) throw error;
      // A text is what transformers' processors do not give: what is wrong with it helps nobody.
      if (typeof form.content === "string") continue;
      if (!(error instanceof NuwaError)) throw error;
      problem = error;
    }
  }
  throw problem;
}

/** Refuses a prompt without its question or with its images elsewhere. @throws NuwaError */
function requireWhole(
  { origin }: ChatTemplate,
  text: string,
  parts: readonly string[],
  marker: string,
  placed: Question,
  content: ChatMessage["content"],
  images: number,
): void {
  if (typeof placed === "string" && !text.includes(placed.trim()))
    throw new NuwaError(`${origin}: the chat template leaves out the question. Mend it, or remove it.`);
  if (parts.length - 1 !== images)
    throw new NuwaError(
      `${origin}: the chat template writes ${shown(marker)} ${parts.length - 1} times instead of ${images}. ` +
        "Mend it, or remove it to use the family's own prompt.",
    );
  if (typeof placed !== "string" && !keepsPlaces(content, parts))
    throw new NuwaError(
      `${origin}: the chat template does not leave images where the question places them. Let the question ` +
        "place none: then they stand where the template puts them.",
    );
}

/** Whether each text stands behind as many images as in the question. */
function keepsPlaces(content: ChatMessage["content"], between: readonly string[]): boolean {
  let images = 0;
  return content.every((part) => {
    if (part.type === "image") images++;
    return part.type === "image" || (between[images] ?? "").includes(part.text.trim());
  });
}

/** A text with its images in front. */
function inFront(text: string, images: number): ChatMessage["content"] {
  return [...new Array<{ type: "image" }>(images).fill({ type: "image" }), { type: "text", text }];
}

/** The parts of a question that places its images; the text of one that does not. */
function placedIn(question: Question, images: number): Question {
  const parts = typeof question === "string" ? partsOf(question) : question;
  const placed = parts.filter(({ type }) => type === "image").length;
  if (typeof question === "string" && placed === 0) return question;
  if (placed !== images)
    throw new UsageError(
      `the question places ${placed} of ${images} images. Place each of them once by ${IMAGE_MARKER}, or none: then ` +
        "they stand in front.",
    );
  return parts;
}

/** Texts and images of a text with markers. */
function partsOf(question: string): ChatMessage["content"] {
  return question
    .split(IMAGE_MARKER)
    .flatMap((text, i) => [
      ...(i > 0 ? [{ type: "image" } as const] : []),
      ...(text === "" ? [] : [{ type: "text", text } as const]),
    ]);
}

/** The text that the tokenizer turns into the image token, if there is such a text. */
function placeholderOf(tokenizer: Tokenizer, imageTokenId: number): string | undefined {
  const text = tokenizer.tokenOf(imageTokenId);
  if (text === undefined) return undefined;
  const ids = tokenizer.encode(text, false);
  return ids.length === 1 && ids[0] === imageTokenId ? text : undefined;
}

/** Token ids with the sequence's first token in front, once, also where the template writes it itself. */
function encodeStart(tokenizer: Tokenizer, text: string): number[] {
  const plain = tokenizer.encode(text, false);
  const [first] = tokenizer.encode("", true);
  return plain.length > 0 && plain[0] === first ? plain : tokenizer.encode(text, true);
}
