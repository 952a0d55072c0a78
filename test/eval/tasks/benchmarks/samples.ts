import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import sharp from "sharp";

/** A small picture of one colour. */
export function picture(width: number, height: number): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: "#808080" } })
    .jpeg()
    .toBuffer();
}

/** Writes files below a folder: text as it is, anything else as JSON. */
export function writeFiles(folder: string, files: Readonly<Record<string, unknown>>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, typeof content === "string" || Buffer.isBuffer(content) ? content : JSON.stringify(content));
  }
}

/** A value as Python 2 pickles it (protocol 0), which is how RefCOCO's references are distributed. */
export function python2Pickle(value: unknown): string {
  let memo = 0;
  const write = (item: unknown): string => {
    if (typeof item === "number") return Number.isInteger(item) ? `I${item}\n` : `F${item}\n`;
    if (typeof item === "string") return `S'${item.replace(/['\\]/g, "\\$&")}'\np${++memo}\n`;
    if (Array.isArray(item)) return `(lp${++memo}\n${item.map((one) => `${write(one)}a`).join("")}`;
    const entries = Object.entries(item as object);
    return `(dp${++memo}\n${entries.map(([key, one]) => `${write(key)}${write(one)}s`).join("")}`;
  };
  return `${write(value)}.`;
}

/** Samples of all benchmarks in the formats of their authors; the pictures are grey. */
export async function writeAllSamples(folder: string): Promise<void> {
  const [wide, small] = [await picture(200, 100), await picture(16, 16)];
  const references = [
    reference(1, 11, 21, "testA", ["left man", "man in grey"]),
    reference(2, 12, 22, "testB", ["the dog's ball"]),
    reference(3, 12, 21, "train", ["never asked"]),
  ];
  const instances = {
    images: [
      { id: 21, file_name: "COCO_train2014_000000000021.jpg", width: 200, height: 100 },
      { id: 22, file_name: "COCO_train2014_000000000022.jpg", width: 16, height: 16 },
    ],
    annotations: [
      { id: 11, image_id: 21, bbox: [50, 0, 100, 50], category_id: 1 },
      { id: 12, image_id: 22, bbox: [0, 8, 8, 8], category_id: 1 },
    ],
  };
  const coco = {
    "images/train2014/COCO_train2014_000000000021.jpg": wide,
    "images/train2014/COCO_train2014_000000000022.jpg": small,
  };
  const pope = (labels: readonly string[]) =>
    labels
      .map((label, i) =>
        JSON.stringify({
          question_id: i + 1,
          image: `COCO_val2014_${i % 2}.jpg`,
          text: "Is there a dog in the image?",
          label,
        }),
      )
      .join("\n");
  writeFiles(folder, {
    ...coco,
    "refcoco/instances.json": instances,
    "refcoco/refs(unc).p": python2Pickle(references),
    "refcoco+/instances.json": instances,
    "refcoco+/refs(unc).p": python2Pickle(references.slice(0, 1)),
    "refcocog/instances.json": instances,
    "refcocog/refs(umd).p": python2Pickle([{ ...references[0], split: "test" }]),
    "pope/coco_pope_random.json": `${pope(["yes", "yes", "no", "no"])}\n`,
    "pope/coco_pope_popular.json": pope(["yes", "no"]),
    "pope/coco_pope_adversarial.json": pope(["yes", "no"]),
    "pope/val2014/COCO_val2014_0.jpg": small,
    "pope/val2014/COCO_val2014_1.jpg": small,
    "gqa/testdev_balanced_questions.json": {
      "201": { question: "What is this?", answer: "t-shirt", imageId: "n1", fullAnswer: "It is a t-shirt.", types: {} },
      "202": { question: "Is it red?", answer: "no", imageId: "n1", isBalanced: true },
    },
    "gqa/images/n1.jpg": small,
    "mme/existence/0001.txt":
      "Is there a cat in this image? Please answer yes or no.\tYes\nIs there a dog in this image? Please answer " +
      "yes or no.\tNo\n",
    "mme/existence/0001.jpg": small,
    "mme/existence/0002.txt":
      "Is there a car in this image? Please answer yes or no.\tYes\nIs there a bus in this image? Please answer " +
      "yes or no.\tNo\n",
    "mme/existence/0002.png": await sharp(small).png().toBuffer(),
    "mme/posters/questions_answers_YN/tt1.txt":
      "Is it A? Please answer yes or no.\tYes\nIs it B? Please answer yes or no.\tNo",
    "mme/posters/images/tt1.jpg": small,
    "mme/code_reasoning/0001.txt": "Is it 3? Please answer yes or no.\tYes\nIs it 4? Please answer yes or no.\tNo",
    "mme/code_reasoning/0001.png": await sharp(small).png().toBuffer(),
    "textvqa/TextVQA_0.5.1_val.json": {
      dataset_type: "val",
      data: [
        {
          ...{ question_id: 34602, question: "what is the BRAND?", image_id: "003a", image_classes: ["Camera"] },
          answers: ["nokia", "nokia", "Nokia", "toshiba", "the nokia", "nokia.", "noka", "nokia", "nokia", "nokia"],
        },
        {
          ...{ question_id: 34603, question: "how many?", image_id: "003a" },
          answers: ["two", "two", "3", "3", "4", "5", "6", "7", "8", "9"],
        },
      ],
    },
    "textvqa/train_images/003a.jpg": small,
    "scienceqa/problems.json": {
      "1": { question: "Which?", choices: ["up", "down"], answer: 1, hint: "", image: "image.png", split: "test" },
      "2": {
        question: "Which state?",
        choices: ["Ohio", "Utah", "Iowa"],
        answer: 0,
        hint: "A map.",
        image: "image.png",
      },
      "3": { question: "No picture?", choices: ["a", "b"], answer: 0, hint: "", image: null },
      "4": { question: "Of training?", choices: ["a", "b"], answer: 0, hint: "", image: "image.png" },
    },
    "scienceqa/pid_splits.json": { train: ["4"], val: [], test: ["1", "2", "3"] },
    "scienceqa/test/1/image.png": await sharp(small).png().toBuffer(),
    "scienceqa/test/2/image.png": await sharp(small).png().toBuffer(),
    "mmbench/mmbench_dev_en_20231003.tsv": [
      "index\tquestion\thint\tA\tB\tC\tD\tanswer\tcategory\timage",
      `7\t"Which ""one""?"\tLook well.\tred\tblue\t\t\tB\tcolor\t${small.toString("base64")}`,
      `1000007\t"Which ""one""?"\tLook well.\tblue\tred\t\t\tA\tcolor\t7`,
      `8\tWhere?\tnan\tleft\tright\ttop\tbelow\tD\tplace\t${small.toString("base64")}`,
    ].join("\n"),
  });
}

/** A reference to an annotation, as RefCOCO has them. */
export function reference(ref_id: number, ann_id: number, image_id: number, split: string, texts: readonly string[]) {
  const sentences = texts.map((sent, i) => ({
    tokens: sent.split(" "),
    raw: sent.toUpperCase(),
    sent_id: 10 * ref_id + i,
    sent,
  }));
  return {
    ...{ sent_ids: sentences.map(({ sent_id }) => sent_id), file_name: `COCO_train2014_0_${ann_id}.jpg` },
    ...{ ann_id, ref_id, image_id, split, sentences, category_id: 1 },
  };
}
