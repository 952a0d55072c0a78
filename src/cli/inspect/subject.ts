import { UsageError } from "../../core/errors.ts";
import type { Picture } from "../../core/resample.ts";
import { readPicture } from "../../io/image.ts";
import { loadProcessor, type OpenedModel } from "../../io/load.ts";
import type { PreparedImage } from "../../model/preprocessing.ts";
import type { LoadedVlm } from "../../pipeline/answer.ts";
import type { ForwardInputs } from "../../pipeline/prefill.ts";
import { batchOf, buildPrompt, type Tokenizer } from "../../pipeline/processor.ts";
import { checkIds, imagesOf, readInputs } from "../inputs.ts";
import { requireText } from "../options.ts";

/** What is inspected: one prompt with one image, as the model takes it. Made before a backend is chosen. */
export interface Subject {
  /**
   * The caller frees the pixels.
   *
   * @param begun ids of the answer that stand behind the prompt
   */
  readonly inputs: (begun: readonly number[]) => ForwardInputs;
  /** The same prompt on another picture, for patching; the caller frees the pixels. */
  readonly source: (begun: readonly number[]) => { readonly name: string; readonly inputs: ForwardInputs };
  readonly wordOf: (id: number) => string;
  readonly gridNames: readonly string[];
  /** Where it is a picture with a question. */
  readonly asked?: Asked;
}

/** A picture and a question about it. */
export interface Asked {
  readonly image: PreparedImage;
  /** As it was read. */
  readonly picture: Picture;
  readonly question: string;
  readonly processor: Omit<LoadedVlm, "model">;
}

/**
 * A picture file with a question.
 *
 * @param sourcePath of the other picture; the mirror image of the same one unless given
 * @throws UsageError, NuwaError as `nuwa ask`
 */
export async function askedSubject(
  path: string,
  question: string,
  sourcePath: string | undefined,
  opened: OpenedModel,
): Promise<Subject> {
  const processor = loadProcessor(opened);
  const { preprocessing, tokenizer, template } = processor;
  const { ids } = buildPrompt(template, tokenizer, opened.config.imageTokenId, question);
  const picture = await readPicture(requireText("the image", path), preprocessing);
  const image = preprocessing.prepare(picture);
  const other =
    sourcePath === undefined
      ? { name: "the picture mirrored left to right", picture: mirrored(picture) }
      : { name: sourcePath, picture: await readPicture(requireText("--source", sourcePath), preprocessing) };
  const { pictures } = image;
  // The lens asks for few words very often.
  const words = new Map<number, string>();
  return {
    inputs: (begun) => ({ ...batchOf([image]), prompts: [[...ids, ...begun]] }),
    source: (begun) => {
      const source = preprocessing.prepare(other.picture);
      const [own, others] = [image, source].map(({ size }) => gridsOf(opened, size));
      if (own !== others)
        throw new UsageError(`--source ${other.name}: has ${others} patches, the image ${own}. Give one of its size.`);
      return { name: other.name, inputs: { ...batchOf([source]), prompts: [[...ids, ...begun]] } };
    },
    wordOf: (id) => {
      const known = words.get(id) ?? wordOf(tokenizer, id);
      words.set(id, known);
      return known;
    },
    gridNames: pictures.map(({ gridName }) => gridName ?? ""),
    asked: { image, picture, question, processor },
  };
}

/** Tensors of a file as `nuwa forward` reads them. @throws NuwaError naming the tensor */
export function tensorSubject(path: string, opened: OpenedModel): Subject {
  const inputs = readInputs(requireText("--inputs", path));
  checkIds(path, inputs, opened.config);
  const { pixels, sizes } = inputs;
  if (!pixels) throw new UsageError(`${path}: has no pixel_values; an analysis is of an image.`);
  const origin = `${path}: pixel_values`;
  const { family } = opened.checkpoint;
  const shapes = family.shapesOf(opened.config, { pixels, sizes, origin });
  if (shapes.length !== 1)
    throw new UsageError(`${origin}: holds ${shapes.length} images; an analysis is of one. Leave the others out.`);
  const [{ grids }] = shapes;
  const { shape } = pixels;
  const prompt = { prompts: [inputs.ids], promptsOrigin: `${path}: input_ids` };
  return {
    inputs: () => ({ ...imagesOf(path, inputs), ...prompt }),
    source: () => {
      const flipped = family.mirrored(opened.config, pixels, sizes?.[0]);
      const images = imagesOf(path, { ...inputs, pixels: { shape, values: flipped } });
      return { name: "the picture of pixel_values mirrored left to right", inputs: { ...images, ...prompt } };
    },
    wordOf: (id) => `#${id}`,
    gridNames: grids.length > 1 ? grids.map((_, number) => `grid ${number}`) : [],
  };
}

/** The text of a token; where it has none of its own, such as a part of a character, its name in the vocabulary. */
function wordOf({ decode, tokenOf }: Tokenizer, id: number): string {
  const text = decode([id]).trim();
  return text === "" || text.includes("\ufffd") ? (tokenOf(id) ?? `#${id}`) : text;
}

/** "12×12", or several of them. */
function gridsOf({ checkpoint: { family }, config }: OpenedModel, size: PreparedImage["size"]): string {
  return family
    .shapeOf(config, size)
    .grids.map(({ rows, columns }) => `${rows}×${columns}`)
    .join(" and ");
}

/** A picture with its left and right exchanged. */
function mirrored({ width, height, pixels }: Picture): Picture {
  const flipped = new Uint8Array(pixels.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = 3 * (y * width + x);
      flipped.set(pixels.subarray(from, from + 3), 3 * (y * width + (width - 1 - x)));
    }
  return { width, height, pixels: flipped };
}
