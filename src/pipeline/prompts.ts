import { NuwaError } from "../core/errors.ts";
import type { Sequence, Slot, VisualSlot } from "../core/slots.ts";
import { imagePositions, type PositionFunction, type PositionPolicy } from "../methods/nuwa/positions.ts";
import { padded } from "../model/transformer/sequence.ts";
import type { UnprunedImage, VlmConfig } from "../model/vlm.ts";

/** A prompt split at its image: text ids before and after. A text-only prompt is all `before`. */
export interface SplitPrompt {
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Which image of the batch stands between; undefined without one. */
  readonly image: number | undefined;
}

/**
 * Finds the image in each prompt: one placeholder, or a run of as many as the image has visual tokens
 * (transformers' processor expands it so).
 *
 * @param images how many images the batch has
 * @param total visual tokens of one unpruned image
 * @param imageOf for each prompt its image; the i-th prompt that has one gets the i-th image unless given
 * @throws NuwaError when ids are not in the vocabulary, prompts are empty, hold more than one image, or do not match
 * the images
 */
export function splitPrompts(
  prompts: readonly (readonly number[])[],
  config: VlmConfig,
  images: number,
  total: number,
  imageOf?: readonly (number | undefined)[],
): SplitPrompt[] {
  let withImage = 0;
  const split = prompts.map((ids, sample) => {
    const count = ids.filter((id) => id === config.imageTokenId).length;
    const text = ids.filter((id) => id !== config.imageTokenId);
    requireVocabulary(`prompt ${sample}`, text, config);
    if (text.length === 0) throw new NuwaError(`prompt ${sample}: holds no text tokens.`);
    if (count === 0) return { before: ids, after: [], image: undefined };
    const first = ids.indexOf(config.imageTokenId);
    const contiguous = ids.lastIndexOf(config.imageTokenId) === first + count - 1;
    if (!contiguous || (count !== 1 && count !== total)) {
      throw new NuwaError(
        `prompt ${sample}: holds ${count} image tokens (id ${config.imageTokenId}); one image is supported, as ` +
          `one token or as ${total} in a row.`,
      );
    }
    return { before: ids.slice(0, first), after: ids.slice(first + count), image: withImage++ };
  });
  if (imageOf) return sharing(split, imageOf, images);
  if (withImage !== images)
    throw new NuwaError(`${images} images for ${withImage} prompts with an image token (id ${config.imageTokenId}).`);
  return split;
}

/** Gives prompts the images that are asked for. @throws NuwaError when these do not fit prompts or images */
function sharing(
  split: readonly SplitPrompt[],
  imageOf: readonly (number | undefined)[],
  images: number,
): SplitPrompt[] {
  if (imageOf.length !== split.length)
    throw new NuwaError(`imageOf: has ${imageOf.length} entries for ${split.length} prompts. Give one for each.`);
  imageOf.forEach((image, sample) => {
    const fits =
      image === undefined
        ? split[sample].image === undefined
        : split[sample].image !== undefined && Number.isInteger(image) && image >= 0 && image < images;
    const needed =
      split[sample].image === undefined ? "undefined: it holds no image token" : `an image from 0 to ${images - 1}`;
    if (!fits) throw new NuwaError(`imageOf: prompt ${sample} has ${image}, but needs ${needed}.`);
  });
  const unseen = Array.from({ length: images }, (_, image) => image).find((image) => !imageOf.includes(image));
  if (unseen !== undefined) throw new NuwaError(`imageOf: image ${unseen} belongs to no prompt. Leave it out.`);
  return split.map((prompt, sample) => ({ ...prompt, image: imageOf[sample] }));
}

/**
 * Refuses prompts that the decoder has no positions for.
 *
 * @throws NuwaError with the numbers
 */
export function requirePositions(nextPosition: Layout["nextPosition"], { text }: VlmConfig, what = "a prompt"): void {
  const longest = Math.max(...nextPosition);
  if (longest > text.maxPositionEmbeddings) {
    throw new NuwaError(
      `${what} reaches position ${longest}, but the model has max_position_embeddings ` +
        `${text.maxPositionEmbeddings}. Make it shorter.`,
    );
  }
}

/** Refuses ids that the token embedding has no row for. @throws NuwaError naming the first */
export function requireVocabulary(what: string, ids: readonly number[], { text }: VlmConfig): void {
  const unknown = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= text.vocabSize);
  if (unknown !== undefined)
    throw new NuwaError(
      `${what}: token id ${unknown} is not in the vocabulary of ${text.vocabSize}. Use the model's own tokenizer.`,
    );
}

/** A sequence, and where each sample's text goes on. */
export interface Layout {
  readonly sequence: Sequence;
  /** Position id of the first decoded token, for each sample. */
  readonly nextPosition: readonly number[];
}

/**
 * Puts the visual tokens where the image stood and gives everyone a position id.
 *
 * @param visual for each sample its visual tokens in order; nothing for samples without an image
 */
export function layOut(
  prompts: readonly SplitPrompt[],
  visual: readonly (readonly Pick<VisualSlot, "row" | "cell">[])[],
  policy: PositionPolicy | PositionFunction,
  { total, extraTokens }: UnprunedImage,
): Layout {
  const text = (ids: readonly number[], start: number): Slot[] =>
    ids.map((id, i) => ({ kind: "text", id, position: start + i }));
  const samples = prompts.map(({ before, after, image }, sample) => {
    const start = before.length;
    if (image === undefined) return { slots: text(before, 0), next: start };
    // A token without a cell is one of the image only where the unpruned model has it.
    const places = visual[sample].map(({ cell }) => Math.max(-1, cell + extraTokens));
    const positions = imagePositions(policy, places, start, total);
    const tokens = visual[sample].map(
      ({ row, cell }, i): Slot => ({ kind: "visual", row, cell, position: positions.visual[i] }),
    );
    const { nextPosition } = positions;
    return { slots: [...text(before, 0), ...tokens, ...text(after, nextPosition)], next: nextPosition + after.length };
  });
  return { sequence: padded(samples.map(({ slots }) => slots)), nextPosition: samples.map(({ next }) => next) };
}
