import { NuwaError } from "../core/errors.ts";
import { type Position, type Sequence, type Slot, textPosition, type VisualSlot } from "../core/slots.ts";
import type { Method } from "../methods/method.ts";
import { imagePositions, spreadPositions } from "../methods/nuwa/positions.ts";
import type { ImageShape } from "../model/image-shape.ts";
import { positionLimit } from "../model/transformer/rope-scaling.ts";
import { padded } from "../model/transformer/sequence.ts";
import type { VlmConfig } from "../model/vlm.ts";

/** Refuses ids that the token embedding has no row for. @throws NuwaError naming the first */
export function requireVocabulary(what: string, ids: readonly number[], { text }: VlmConfig): void {
  const unknown = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= text.vocabSize);
  if (unknown !== undefined)
    throw new NuwaError(
      `${what}: token id ${unknown} is not in the vocabulary of ${text.vocabSize}. Use the model's own tokenizer.`,
    );
}

/**
 * Refuses prompts that the decoder has no positions for.
 *
 * @throws NuwaError with the numbers
 */
export function requirePositions(nextPosition: Layout["nextPosition"], { text }: VlmConfig, what = "a prompt"): void {
  const longest = Math.max(...nextPosition);
  const limit = positionLimit(text);
  if (longest <= limit) return;
  const most = text.maxPositionEmbeddings;
  throw new NuwaError(
    `${what} reaches position ${longest}, but the model has max_position_embeddings ${most}` +
      `${limit > most ? `, stretched to ${limit}` : ""}. Make it shorter.`,
  );
}

/** A part of a prompt: text, or an image of the batch. */
export type Segment = { readonly text: readonly number[] } | { readonly image: number };

/** A prompt as text and images in order. */
export type SegmentedPrompt = readonly Segment[];

/** The images of a prompt, by their number in the batch, in order. */
export function imagesOfPrompt(prompt: SegmentedPrompt): number[] {
  return prompt.flatMap((segment) => ("image" in segment ? [segment.image] : []));
}

/** A sequence, and where each sample's text goes on. */
export interface Layout {
  readonly sequence: Sequence;
  /** Position id of the first decoded token, for each sample. */
  readonly nextPosition: readonly number[];
}

/** What {@link layOut} needs to know of an image. */
export interface PlacedImage {
  readonly shape: ImageShape;
  readonly method: Pick<Method, "positions">;
}

/**
 * Puts the visual tokens where the images stand and gives everyone a position.
 *
 * @param visual for each sample its visual tokens in order; nothing for samples without an image
 * @param images those of the batch
 * @param axes how many position ids a token has (R)
 */
export function layOut(
  prompts: readonly SegmentedPrompt[],
  visual: readonly (readonly Omit<VisualSlot, "kind" | "position">[])[],
  images: readonly PlacedImage[],
  axes: number,
): Layout {
  const samples = prompts.map((segments, sample) => {
    const slots: Slot[] = [];
    let next = 0;
    let ordinal = 0;
    for (const segment of segments) {
      if ("text" in segment) {
        for (const id of segment.text) slots.push({ kind: "text", id, position: textPosition(next++, axes) });
        continue;
      }
      const { shape, method } = images[segment.image];
      const own = withSeparators(
        visual[sample].filter(({ image }) => image === ordinal),
        shape,
      );
      const offsets = own.map((slot) => ("line" in slot ? shape.separators[slot.line].offset : offsetOf(slot, shape)));
      const start = next;
      const positions = imagePositions(method.positions, offsets, start, shape);
      own.forEach((slot, i) => {
        const position = positions.visual[i];
        if ("line" in slot) slots.push({ kind: "separator", image: ordinal, ...slot, position });
        else if (method.positions !== "ppe") slots.push({ kind: "visual", ...slot, position });
        else slots.push({ kind: "visual", ...slot, position, parts: spreadPositions(slot.sources, start, shape) });
      });
      next = positions.nextPosition;
      ordinal++;
    }
    return { slots, next };
  });
  return { sequence: padded(samples.map(({ slots }) => slots)), nextPosition: samples.map(({ next }) => next) };
}

/** The offset of a token; one without a cell has one only where the unpruned image has such tokens. */
function offsetOf({ cell }: Pick<VisualSlot, "cell">, { offsets, extraTokens }: ImageShape): Position | undefined {
  return offsets[cell + extraTokens];
}

/**
 * The tokens of an image with its separators between them: each stands behind all tokens of cells up to its own.
 *
 * @param tokens where there are separators, in the order of their cells
 */
export function withSeparators<T extends Pick<VisualSlot, "cell">>(
  tokens: readonly T[],
  { separators }: Pick<ImageShape, "separators">,
): (T | { readonly line: number })[] {
  const all: (T | { readonly line: number })[] = [];
  let next = 0;
  separators.forEach(({ after }, line) => {
    while (next < tokens.length && tokens[next].cell <= after) all.push(tokens[next++]);
    all.push({ line });
  });
  return [...all, ...tokens.slice(next)];
}
