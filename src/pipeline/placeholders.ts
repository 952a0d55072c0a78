import { NuwaError } from "../core/errors.ts";
import { type ImageShape, unprunedSlots } from "../model/image-shape.ts";
import type { VlmConfig } from "../model/vlm.ts";
import { imagesOfPrompt, requireVocabulary, type Segment, type SegmentedPrompt } from "./prompts.ts";

/** A prompt as read: text, and runs of placeholders. */
type Run = { readonly text: readonly number[] } | { readonly placeholders: number };

/**
 * Finds the images in each prompt. Either each image is one placeholder, or each is a run of as many as it has visual
 * tokens (transformers' processor expands them so); images may stand side by side. Unlike transformers, which looks at
 * their sum alone, it takes no image in two runs, and no run of another length.
 *
 * @param origin where the prompts come from, for errors: a file and its field
 * @param shapes of the images of the batch
 * @param imagesOf for each prompt its images; unless given, the images of the batch are taken in order
 * @throws NuwaError when ids are not in the vocabulary, a prompt has no text, or prompts do not match the images
 */
export function splitPrompts(
  prompts: readonly (readonly number[])[],
  config: VlmConfig,
  shapes: readonly ImageShape[],
  imagesOf?: readonly (readonly number[])[],
  origin?: string,
): SegmentedPrompt[] {
  if (!Array.isArray(prompts) || prompts.length === 0 || !prompts.every((ids) => Array.isArray(ids)))
    throw new NuwaError("prompts must be a list of at least one list of token ids.");
  if (imagesOf) requireImages(imagesOf, prompts.length, shapes.length);
  // As many placeholders as images: one for each, also where a run could be one image with all of its tokens.
  const placeholders = prompts.flat().filter((id) => id === config.imageTokenId).length;
  const single = placeholders === (imagesOf ? imagesOf.flat() : shapes).length;
  let next = 0;
  const split = prompts.map((ids, sample) => {
    const text = ids.filter((id) => id !== config.imageTokenId);
    const what = origin === undefined ? `prompt ${sample}` : origin + (prompts.length > 1 ? `: prompt ${sample}` : "");
    requireVocabulary(what, text, config);
    if (text.length === 0) throw new NuwaError(`${what}: holds no text tokens.`);
    const own = imagesOf?.[sample] ?? imagesFrom(next, shapes);
    const runs = runsOf(ids, config.imageTokenId);
    const expanded = single ? undefined : withImages(runs, own, (count, left) => expandedImages(count, left, shapes));
    const segments = expanded ?? withImages(runs, own, (count, left) => (count <= left.length ? count : undefined));
    if (!segments)
      throw mismatch(
        what,
        runs,
        config,
        own.map((image) => shapes[image]),
      );
    next += imagesOfPrompt(segments).length;
    if (imagesOf && imagesOfPrompt(segments).length !== imagesOf[sample].length)
      throw new NuwaError(
        `imagesOf: prompt ${sample} has [${imagesOf[sample]}], but holds ${imagesOfPrompt(segments).length} images.`,
      );
    return segments;
  });
  const from = origin === undefined ? "" : `${origin}: `;
  if (!imagesOf && next !== shapes.length)
    throw new NuwaError(
      `${from}the batch has ${shapes.length} images, but the prompts hold ${next} ` +
        `(image token id ${config.imageTokenId}): found ` +
        `${foundRuns(prompts.flatMap((ids) => runsOf(ids, config.imageTokenId)))}. Give ${wantedRuns(shapes)}.`,
    );
  return split;
}

function imagesFrom(next: number, shapes: readonly ImageShape[]): number[] {
  return Array.from({ length: shapes.length - next }, (_, i) => next + i);
}

/** @throws NuwaError when the images that prompts are given do not fit prompts or images */
function requireImages(imagesOf: readonly (readonly number[])[], prompts: number, images: number): void {
  if (imagesOf.length !== prompts)
    throw new NuwaError(`imagesOf: has ${imagesOf.length} entries for ${prompts} prompts. Give one for each.`);
  imagesOf.forEach((list, sample) => {
    const wrong = list.find((image) => !Number.isInteger(image) || image < 0 || image >= images);
    if (wrong !== undefined)
      throw new NuwaError(
        `imagesOf: prompt ${sample} has ${wrong}, but ` +
          `${images === 0 ? "the batch has no image" : `there are images from 0 to ${images - 1}`}.`,
      );
  });
  const unseen = Array.from({ length: images }, (_, image) => image).find((image) => !imagesOf.flat().includes(image));
  if (unseen !== undefined) throw new NuwaError(`imagesOf: image ${unseen} belongs to no prompt. Leave it out.`);
}

function runsOf(ids: readonly number[], imageTokenId: number): Run[] {
  const runs: Run[] = [];
  let from = 0;
  while (from < ids.length) {
    const isImage = ids[from] === imageTokenId;
    let to = from + 1;
    while (to < ids.length && (ids[to] === imageTokenId) === isImage) to++;
    runs.push(isImage ? { placeholders: to - from } : { text: ids.slice(from, to) });
    from = to;
  }
  return runs;
}

/**
 * Gives each run of placeholders the next images; undefined when they do not fit.
 *
 * @param countOf how many of the images that are left a run means
 */
function withImages(
  runs: readonly Run[],
  images: readonly number[],
  countOf: (placeholders: number, left: readonly number[]) => number | undefined,
): Segment[] | undefined {
  const segments: Segment[] = [];
  let next = 0;
  for (const run of runs) {
    if ("text" in run) segments.push(run);
    else {
      const count = countOf(run.placeholders, images.slice(next));
      if (count === undefined) return undefined;
      for (let i = 0; i < count; i++) segments.push({ image: images[next++] });
    }
  }
  return segments;
}

/** How many images a run of placeholders means that stand for every token of theirs; undefined if not whole images. */
function expandedImages(
  placeholders: number,
  images: readonly number[],
  shapes: readonly ImageShape[],
): number | undefined {
  let tokens = 0;
  for (const [i, image] of images.entries()) {
    tokens += unprunedSlots(shapes[image]);
    if (tokens === placeholders) return i + 1;
  }
  return undefined;
}

function mismatch(
  what: string,
  runs: readonly Run[],
  { imageTokenId }: VlmConfig,
  shapes: readonly ImageShape[],
): NuwaError {
  const count = lengthsOf(runs).reduce((sum, length) => sum + length, 0);
  if (shapes.length === 0)
    return new NuwaError(`${what}: holds ${count} image tokens (id ${imageTokenId}), but the batch has no image.`);
  return new NuwaError(
    `${what}: holds ${count} image tokens (id ${imageTokenId}), which do not fit ${shapes.length} ` +
      `${shapes.length === 1 ? "image" : "images"}: found ${foundRuns(runs)}. Give ${wantedRuns(shapes)}.`,
  );
}

function lengthsOf(runs: readonly Run[]): number[] {
  return runs.flatMap((run) => ("text" in run ? [] : [run.placeholders]));
}

/** "a run of 5", "runs of 5 and 3" */
function foundRuns(runs: readonly Run[]): string {
  const lengths = lengthsOf(runs);
  return lengths.length === 0 ? "none" : `${lengths.length === 1 ? "a run" : "runs"} of ${inWords(lengths)}`;
}

function wantedRuns(shapes: readonly ImageShape[]): string {
  const lengths = shapes.map(unprunedSlots);
  if (lengths.length === 1) return `one token for the image, or ${lengths[0]} in a row`;
  const sum = lengths.reduce((total, length) => total + length, 0);
  return `one token for each image, or runs of ${inWords(lengths)} (where all touch, one of ${sum})`;
}

/** At most eight of them. */
function inWords(lengths: readonly number[]): string {
  if (lengths.length > 8) return `${lengths.slice(0, 7).join(", ")} and ${lengths.length - 7} more`;
  return lengths.length > 1 ? `${lengths.slice(0, -1).join(", ")} and ${lengths[lengths.length - 1]}` : `${lengths[0]}`;
}
