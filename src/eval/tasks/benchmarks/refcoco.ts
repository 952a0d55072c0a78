import { basename, join } from "node:path";
import { z } from "zod";
import { type Box, fractionsOf } from "../../../core/boxes.ts";
import { NuwaError } from "../../../core/errors.ts";
import { checkSchema } from "../../../core/schema.ts";
import { readPickle } from "../../../io/pickle.ts";
import type { Preprocessing } from "../../../model/preprocessing.ts";
import { centre, intersectionOverUnion } from "../../../world/geometry.ts";
import { meanOf, overlapFigures, type Scoring } from "../../score/figures.ts";
import { allOf, type Benchmark, LONG_ANSWER, pictureFile } from "../benchmark.ts";
import { readData } from "../data-file.ts";
import type { Item, Marks } from "../item.ts";
import { DIGIT, decimal, SPACE } from "../python-text.ts";

/** What lmms-eval puts before the expression. */
const PROMPT =
  "Bounding box coordinates are specified in the format (top-left x, top-left y, bottom-right x, bottom-right y). " +
  "All values are floating point numbers bounded between 0 and 1. " +
  "Please provide the bounding box coordinate of the region this sentence describes: ";

/** RefCOCO's instances.json has 125 MB. */
const MOST_BYTES = 2 ** 29;

const PICTURES = ["images/train2014", "../images/train2014", "../images/mscoco/images/train2014", "train2014"];

const id = z.number().int();
const side = z.number().positive();
const instancesSchema = z.object({
  images: z.array(z.object({ id, file_name: z.string(), width: side, height: side })),
  annotations: z.array(z.object({ id, bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]) })),
});
const refsSchema = z.array(
  z.object({
    ref_id: id,
    ann_id: id,
    image_id: id,
    split: z.string(),
    sentences: z.array(z.object({ sent_id: id, sent: z.string() })),
  }),
);

const SCORING: Scoring = {
  figures: [
    ...overlapFigures("", ({ iou }) => iou ?? 0),
    meanOf("centre accuracy", ({ centre: hit }) => Number(hit)),
    ...overlapFigures("unpadded ", ({ marks }) => marks?.["unpadded iou"] ?? 0),
  ],
  pools: [],
  reported: { metric: "ACC@0.5" },
};

/**
 * RefCOCO, RefCOCO+ and RefCOCOg (Yu et al., arXiv 1608.00272; Mao et al., arXiv 1511.02283): the box of what
 * an expression refers to, one question an expression, all splits but `train`.
 *
 * lmms-eval marks boxes in the proportions of the original picture, although LLaVA-1.5 sees it padded to a
 * square: that number is the reported one. The `unpadded` figures take the said box for one in the padded
 * picture and convert it first; where the model's pictures are cropped instead, they are the same. Boxes of a family
 * that writes pixels (Qwen2.5-VL) are divided by the size of the scaled picture, as Nüwa's released script does.
 *
 * Of RefCOCO and RefCOCOg there are two divisions into splits, a file each. lmms-eval's data sets hold both: what their
 * splits of the same name hold is pooled.
 *
 * @param refs files of referring expressions, at least one of them
 */
function referring(name: string, refs: readonly string[]): Benchmark {
  return { name, scoring: SCORING, read: (folder) => read(name, folder, allOf(folder, refs)) };
}

export const refcoco = referring("refcoco", ["refs(unc).p", "refs(google).p"]);
export const refcocoPlus = referring("refcoco+", ["refs(unc).p"]);
export const refcocog = referring("refcocog", ["refs(umd).p", "refs(google).p"]);

function read(task: string, folder: string, refsPaths: readonly string[]): Item[] {
  const instancesPath = join(folder, "instances.json");
  const instances = readData(instancesPath, instancesSchema, MOST_BYTES);
  const images = new Map(instances.images.map((image) => [image.id, image]));
  const boxes = new Map(instances.annotations.map(({ id: annotation, bbox }) => [annotation, bbox]));
  return refsPaths
    .flatMap((path, i) => {
      const refs = checkSchema(path, readPickle(path, MOST_BYTES), refsSchema);
      // Both divisions number their references from 0.
      return refs.map((ref) => ({ ...ref, name: i === 0 ? `${ref.ref_id}` : `${basename(path, ".p")}/${ref.ref_id}` }));
    })
    .filter(({ split }) => split !== "train")
    .flatMap(({ name, ref_id, ann_id, image_id, split, sentences }) => {
      const [image, bbox] = [images.get(image_id), boxes.get(ann_id)];
      if (!image || !bbox)
        throw new NuwaError(
          `${instancesPath}: lacks ${image ? `annotation ${ann_id}` : `image ${image_id}`}, ` +
            `which reference ${ref_id} needs. The two files do not belong together.`,
        );
      const { width, height } = image;
      const [x, y, w, h] = bbox;
      const truth: Box = [x / width, y / height, (x + w) / width, (y + h) / height];
      return sentences.map(
        ({ sent_id, sent }): Item => ({
          ...{ task, family: split, style: "", split, scene: image_id, id: `${name}/${sent_id}` },
          ...{ question: `${PROMPT}${sent}`, expected: JSON.stringify(truth), longest: LONG_ANSWER },
          ...pictureFile(folder, PICTURES, image.file_name),
          mark: (said, seen) => markBox(said, truth, image, seen),
        }),
      );
    });
}

const NUMBER = String.raw`(-?${DIGIT}+(?:\.${DIGIT}+)?)`;
const BOX = new RegExp(String.raw`\[${SPACE}*${Array(4).fill(NUMBER).join(`,${SPACE}*`)}${SPACE}*\]`, "u");

/** The first bracketed list of four decimals, as lmms-eval reads it; zeros where there is none. */
export function boxIn(said: string): Box {
  const found = BOX.exec(said);
  return found ? [decimal(found[1]), decimal(found[2]), decimal(found[3]), decimal(found[4])] : [0, 0, 0, 0];
}

function markBox(
  said: string,
  truth: Box,
  image: { readonly width: number; readonly height: number },
  seen: Preprocessing,
): Marks {
  const box = fractionsOf(boxIn(said), seen.boxUnitOf(image));
  const iou = intersectionOverUnion(box, truth);
  const [x, y] = centre(box);
  return {
    correct: iou >= 0.5,
    iou,
    centre: x >= truth[0] && x <= truth[2] && y >= truth[1] && y <= truth[3],
    marks: { "unpadded iou": intersectionOverUnion(seen.boxInPicture(box, image), truth) },
  };
}
