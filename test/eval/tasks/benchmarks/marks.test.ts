import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { batchesOf } from "../../../../src/eval/run/plan.ts";
import type { Sample } from "../../../../src/eval/run/sample.ts";
import { summarise } from "../../../../src/eval/score/summary.ts";
import { summaryTable } from "../../../../src/eval/score/summary-table.ts";
import { letterOf } from "../../../../src/eval/tasks/benchmarks/mmbench-letter.ts";
import type { Item } from "../../../../src/eval/tasks/item.ts";
import { TASK_NAMES } from "../../../../src/eval/tasks/tasks.ts";
import { familyNamed } from "../../../../src/model/families.ts";
import { llavaPreprocessing } from "../../../../src/model/llava/preprocessing.ts";
import type { Preprocessing } from "../../../../src/model/preprocessing.ts";
import { CONFIGS } from "../../../support-families.ts";
import { newFolder, removeFolders } from "../../support.ts";
import { python2Pickle, reference, writeAllSamples, writeFiles } from "./samples.ts";

const SETTING = { method: "none", variant: null, average: null, positions: "original" } as const;
const SEEN = llavaPreprocessing({ imageSize: [336, 336], mean: [0, 0, 0], std: [1, 1, 1], aspect: "pad" });

let data: string;
beforeAll(async () => {
  data = newFolder();
  await writeAllSamples(data);
});
afterAll(removeFolders);

const itemsOf = (task: string, limit?: number): Item[] =>
  batchesOf({ tasks: [task], settings: [SETTING], split: "test", seed: 1, data, limit }).flatMap(({ items }) => items);

/** Figures of a task when the model gives these answers to its questions, in their order. */
function score(task: string, answers: readonly string[], seen: Preprocessing = SEEN) {
  const items = itemsOf(task);
  expect(items).toHaveLength(answers.length);
  const samples = items.map((item, i): Sample => {
    const { question, expected, family, style, split, scene, id } = item;
    const where = { task, family, style, split, scene, id, seed: 1, batch: 0 };
    return {
      ...where,
      question,
      expected,
      answer: answers[i],
      ...item.mark(answers[i], seen),
      ...SETTING,
      tokensEntering: 4,
      tokensLeaving: 2,
    };
  });
  const rows = summarise(samples, [SETTING], 1);
  const figure = (family: string, metric: string) =>
    rows.find((row) => row.family === family && row.metric === metric)?.score;
  return { figure, table: summaryTable(rows, samples) };
}

describe("RefCOCO", () => {
  it("asks for the box of every expression outside the training split, in the harness's words", () => {
    const items = itemsOf("refcoco");
    expect(items.map(({ family, scene, id }) => [family, scene, id])).toEqual([
      ["testA", 21, "1/10"],
      ["testA", 21, "1/11"],
      ["testB", 22, "2/20"],
    ]);
    expect(items[2].question).toMatch(
      /^Bounding box coordinates are .* bounded between 0 and 1\. Please provide .* this sentence describes: the dog's ball$/,
    );
    expect(itemsOf("refcoco+")).toHaveLength(2);
    expect(itemsOf("refcocog").map(({ family }) => family)).toEqual(["test", "test"]);
  });

  it("pools the splits of both divisions where both files are there, as lmms-eval's data set does", async () => {
    const folder = newFolder();
    await writeAllSamples(folder);
    const google = [reference(0, 11, 21, "test", ["a man"]), reference(2, 12, 22, "testB", ["ball"])];
    writeFiles(folder, { "refcoco/refs(google).p": python2Pickle(google) });
    const plan = { tasks: ["refcoco"], settings: [SETTING], split: "test", seed: 1, data: folder } as const;
    expect(batchesOf(plan)[0].items.map(({ family, id }) => [family, id])).toEqual([
      ["testA", "1/10"],
      ["testA", "1/11"],
      ["testB", "2/20"],
      ["test", "refs(google)/0/0"],
      ["testB", "refs(google)/2/20"],
    ]);
  });

  // The first picture is 200 × 100, its box [50, 0, 150, 50], that is [0.25, 0, 0.75, 0.5]. Padded to 200 × 200,
  // the picture begins at 50, and the same box is [0.25, 0.25, 0.75, 0.5].
  it("marks by the harness's rule, and beside it with the padding taken off", () => {
    const answers = ["[0.25, 0, 0.75, 0.5]", "It is [ 0.25,0.25, 0.75, 0.50 ].", "[0, 0.5, 0.5, 1.0]"];
    const { figure } = score("refcoco", answers);
    // IoU of the second with the truth: 0.125 of 0.25.
    expect(figure("testA", "mean IoU")).toBe(0.75);
    expect(figure("testA", "ACC@0.5")).toBe(1);
    expect(figure("testA", "ACC@0.7")).toBe(0.5);
    // Without padding the first is [0.25, -0.5, 0.75, 0.5], whose half is the truth, the second is exact.
    expect(figure("testA", "unpadded mean IoU")).toBe(0.75);
    expect(figure("testA", "unpadded ACC@0.9")).toBe(0.5);
    expect(figure("testA", "centre accuracy")).toBe(1);
    // A square picture is not padded.
    expect([figure("testB", "ACC@0.9"), figure("testB", "unpadded ACC@0.9")]).toEqual([1, 1]);
    const cropped = score("refcoco", answers, llavaPreprocessing({ ...SEEN, aspect: "crop" }));
    expect(cropped.figure("testA", "unpadded ACC@0.7")).toBe(0.5);
  });

  // Qwen2.5-VL sees 200 × 100 as 196 × 112 (multiples of 28) and writes pixels of that.
  it("reads pixels where the family writes them, and fractions where its model obeys the question", () => {
    const qwen = familyNamed("qwen2_5_vl");
    const vision_config = { ...CONFIGS.qwen2_5_vl.vision_config, patch_size: 14, window_size: 112 };
    const config = qwen.parseConfig("config.json", { ...CONFIGS.qwen2_5_vl, vision_config });
    const seen = qwen.parsePreprocessing("preprocessor_config.json", {}, config);
    const { figure } = score("refcoco", ['[{"bbox_2d": [49, 0, 147, 56]}]', "[0.25, 0, 0.75, 0.5]", "no"], seen);
    expect([figure("testA", "mean IoU"), figure("testA", "unpadded mean IoU")]).toEqual([1, 1]);
  });

  it("takes zeros for an answer without four bracketed decimals", () => {
    const { figure } = score("refcoco", ["0.25, 0, 0.75, 0.5", "[0.25, 0, 0.75]", "[-0.5, 0.5, 0.5, 1]"]);
    expect([figure("testA", "mean IoU"), figure("testA", "centre accuracy")]).toEqual([0, 0]);
    // A number that is none in 64 bits makes lmms-eval's mean NaN; a journal takes finite numbers alone.
    const endless = score("refcoco", [
      `[0, 0, ${"9".repeat(400)}, 1]`,
      `[${"9".repeat(400)}, 0, 1, 1]`,
      "[٠.٥, 0, 1, 1]",
    ]);
    expect([endless.figure("testA", "mean IoU"), endless.figure("testA", "unpadded mean IoU")]).toEqual([0, 0]);
    // 0.25 in common, 0.5 + 0.25 in all without it.
    expect(figure("testB", "mean IoU")).toBeCloseTo(0.5, 12);
  });
});

describe("POPE", () => {
  it("asks with the harness's suffix, the three files after each other", () => {
    const items = itemsOf("pope");
    expect(items[0].question).toBe("Is there a dog in the image?\nAnswer the question using a single word or phrase.");
    expect(items.map(({ id }) => id)).toEqual([
      "random/1",
      "random/2",
      "random/3",
      "random/4",
      "popular/1",
      "popular/2",
      "adversarial/1",
      "adversarial/2",
    ]);
  });

  it("scores yes and no in lower case; other answers are wrong, but neither false nor missed", () => {
    // random: yes yes no no; popular: yes no; adversarial: yes no
    const { figure } = score("pope", ["Yes", " no ", "yes", "No", "Yes.", "no", "yes", "yes"]);
    expect(figure("random", "accuracy")).toBe(0.5);
    expect(figure("random", "precision")).toBe(0.5);
    expect(figure("random", "recall")).toBe(0.5);
    expect(figure("random", "F1")).toBe(0.5);
    expect(figure("popular", "accuracy")).toBe(0.5);
    expect([figure("popular", "precision"), figure("popular", "recall"), figure("popular", "F1")]).toEqual([0, 0, 0]);
    // All: 2 right yes, 2 false yes, 1 missed.
    expect(figure("all", "precision")).toBe(0.5);
    expect(figure("all", "recall")).toBeCloseTo(2 / 3, 12);
    expect(figure("all", "F1")).toBeCloseTo(4 / 7, 12);
    expect(figure("all", "accuracy")).toBe(0.5);
  });
});

describe("GQA", () => {
  it("matches exactly but for case and punctuation", () => {
    expect(score("gqa", ["T shirt", "No."]).figure("all", "accuracy")).toBe(0.5);
    expect(score("gqa", ["TShirt", "yes"]).figure("all", "accuracy")).toBe(0.5);
    // numpy's arrays drop zeros at the end: of the text, of its lower case, and once more where a mark stood behind them.
    expect(score("gqa", ["TShirt\0!", "no\0"]).figure("all", "accuracy")).toBe(1);
    expect(itemsOf("gqa")[1].question).toBe("Is it red?\nAnswer the question using a single word or phrase.");
  });
});

describe("MME", () => {
  it("replaces MME's own words by those of lmms-eval", () => {
    const items = itemsOf("mme");
    expect(items.map(({ id }) => id).slice(0, 5)).toEqual([
      "existence/0001/0",
      "existence/0001/1",
      "existence/0002/0",
      "existence/0002/1",
      "posters/tt1/0",
    ]);
    expect(items[0].question).toBe("Is there a cat in this image?\nAnswer the question using a single word or phrase.");
  });

  it("gives a pair 100 for each right half and 100 for both, averages by category and sums", () => {
    // existence: both right 200, one right 50; posters: none 0; code: both 200
    const { figure } = score("mme", ["Yes", "no.", "Yes, there is", "yes", "no", "Y", "y", "Not so"]);
    expect(figure("existence", "score")).toBe((200 + 50) / 2);
    expect(figure("existence", "accuracy")).toBe(0.75);
    expect(figure("posters", "score")).toBe(0);
    expect(figure("perception", "score")).toBe(125);
    expect(figure("cognition", "score")).toBe(200);
    expect(figure("all", "score")).toBe(325);
  });

  it("reads a question file of Windows, and refuses other files that are not UTF-8 in a line", () => {
    const folder = newFolder();
    writeFiles(folder, { "mme/artwork/1.png": "" });
    const text = "Is it by Th\u00e9odore? Please answer yes or no.\tYes\nIs it by Caf\u00e9?\tNo\n";
    const asked = () =>
      batchesOf({ tasks: ["mme"], settings: [SETTING], split: "test", seed: 1, data: folder })[0].items[0].question;
    for (const encoding of ["latin1", "utf8"] as const) {
      writeFileSync(join(folder, "mme/artwork/1.txt"), Buffer.from(text, encoding));
      expect(asked()).toMatch(/^Is it by Th\u00e9odore\?\n/);
    }
    writeFileSync(join(folder, "mme/artwork/1.txt"), Buffer.from(text.replace("Yes", "Oui\u00e9"), "latin1"));
    expect(asked).toThrow(/1\.txt: line 1: is not a question, a tab, and Yes or No\.$/);
  });

  it("skips what macOS and Windows leave beside the files", () => {
    const folder = newFolder();
    const pair = "Is it A? Please answer yes or no.\tYes\nIs it B? Please answer yes or no.\tNo\n";
    writeFiles(folder, {
      "mme/existence/1.txt": pair,
      "mme/existence/1.png": "",
      "mme/existence/._1.txt": "\0\u0005\u0016\u0007",
      "mme/existence/.DS_Store": "x",
      "mme/existence/Thumbs.db": "x",
      "mme/OCR/questions_answers_YN/._2.txt": "x",
      "mme/OCR/questions_answers_YN/2.TXT": pair,
      "mme/OCR/images/._2.jpg": "x",
      "mme/OCR/images/2.JPG": "",
    });
    const [batch] = batchesOf({ tasks: ["mme"], settings: [SETTING], split: "test", seed: 1, data: folder });
    expect(batch.items.map(({ id }) => id)).toEqual(["existence/1/0", "existence/1/1", "OCR/2/0", "OCR/2/1"]);
  });
});

describe("answers may be as long as lmms-eval lets them be", () => {
  it.each([
    ["gqa", 16],
    ["mme", 16],
    ["scienceqa", 16],
    ["pope", 128],
    ["textvqa", 1024],
    ["mmbench", 1024],
    ["refcoco", 1024],
  ])("%s: %i tokens", (task, tokens) => {
    expect(new Set(itemsOf(task).map(({ longest }) => longest))).toEqual(new Set([tokens]));
  });
});

describe("TextVQA", () => {
  it("asks with a capital and small letters", () => {
    expect(itemsOf("textvqa")[0].question).toMatch(/^What is the brand\?\n/);
  });

  it("averages, over the ten people, how many of the others agree, up to three", () => {
    // First: 8 of 10 say nokia, so the 2 others see 8 and the 8 see 7: all at least 3.
    expect(score("textvqa", ["NOKIA", "one"]).figure("all", "accuracy")).toBe(0.5);
    // Second, "2": both who said it see one other, 1/3 each; the eight see two, 2/3 each.
    expect(score("textvqa", ["sony", "2"]).figure("all", "accuracy")).toBeCloseTo(
      (2 * (1 / 3) + 8 * (2 / 3)) / 10 / 2,
      12,
    );
  });
});

describe("ScienceQA", () => {
  it("asks the test questions with a picture, with hint and lettered options", () => {
    const items = itemsOf("scienceqa");
    expect(items.map(({ id }) => id)).toEqual(["1", "2"]);
    expect(items[1].question).toBe(
      "Context: A map.\nWhich state?\nA. Ohio\nB. Utah\nC. Iowa\nAnswer with the option's letter from the given " +
        "choices directly.",
    );
    expect(items[0].question).toMatch(/^Which\?\nA\. up\nB\. down\n/);
  });

  it("takes the letter alone, in any case", () => {
    expect(score("scienceqa", ["B", " a\n"]).figure("all", "accuracy")).toBe(1);
    expect(score("scienceqa", ["down", "A. Ohio"]).figure("all", "accuracy")).toBe(0);
    expect(score("scienceqa", ["B.", "Answer"]).figure("all", "accuracy")).toBe(0);
  });
});

describe("MMBench", () => {
  it("asks with the hint and the options that are not empty", () => {
    const items = itemsOf("mmbench");
    expect(items[0].question).toBe(
      'Look well. Which "one"? There are several options:\nA. red\nB. blue\n\nAnswer with the option\'s letter from the given choices directly.',
    );
    expect(items[2].question).toMatch(/^Where\? There are several options:\nA\. left\n.*\nD\. below\n\nAnswer/s);
  });

  it("counts a question when all rotations of its options are right", () => {
    const { figure } = score("mmbench", ["B", "B", "D. below"]);
    expect(figure("all", "accuracy")).toBeCloseTo(2 / 3, 12);
    expect(figure("all", "circular accuracy")).toBe(0.5);
    expect(score("mmbench", ["(B)", "The answer is A.", "A or D"]).figure("all", "circular accuracy")).toBe(0.5);
    expect(score("mmbench", ["B", "A thing of that kind", "D"]).figure("all", "accuracy")).toBeCloseTo(2 / 3, 12);
  });

  it.each([
    ["a cute teddy bear", "A"],
    ["Rabbit", "B"],
    ["The cat.", "C"],
    ["It is a dog", "D"],
    ["A cat and a dog", undefined],
    ["E", "E"],
    ["B or E", undefined],
    ["A dog", "A"],
    ["Spider", undefined],
    ["", undefined],
  ])("reads %j as %s: by its letter, else by the one option whose text it holds", (said, letter) => {
    expect(letterOf(said, { A: "teddy bear", B: "rabbit", C: "cat", D: "dog" })).toBe(letter);
  });

  it("takes a missing option for the text nan, as lmms-eval's data set has it", () => {
    expect(letterOf("banana", { A: "apple", B: "banana", C: "cherry", D: "date" })).toBe("B");
    expect(letterOf("banana", { A: "apple", B: "banana", C: "", D: "nan" })).toBe(undefined);
  });

  it("asks an option E where there is one, and leaves out a rotation whose question is not there", () => {
    const folder = newFolder();
    const rows = [
      "index\tquestion\tA\tB\tE\tanswer\timage",
      "5\tWho?\tx\ty\tz\tE\tAAAA",
      "1000006\tLost?\tx\ty\tz\tA\tAAAA",
    ];
    writeFiles(folder, { "mmbench/mmbench_dev_en_20231003.tsv": rows.join("\n") });
    const items = batchesOf({ tasks: ["mmbench"], settings: [SETTING], split: "test", seed: 1, data: folder })[0].items;
    expect(items.map(({ id }) => id)).toEqual(["5"]);
    expect(items[0].question).toMatch(/^Who\? There are several options:\nA\. x\nB\. y\nE\. z\n\nAnswer/);
    expect(items[0].mark("(E)", SEEN).correct).toBe(true);
  });

  it("finds a rotated row's picture in the row that it names", async () => {
    const folder = newFolder();
    const [first, rotated] = itemsOf("mmbench");
    const { readFileSync } = await import("node:fs");
    const bytes = readFileSync(await first.picture(folder, 16));
    expect(readFileSync(await rotated.picture(folder, 16)).equals(bytes)).toBe(true);
  });
});

it("a limit counts pictures in each family", () => {
  expect(itemsOf("pope", 1).map(({ id }) => id)).toEqual(["random/1", "random/3", "popular/1", "adversarial/1"]);
  expect(itemsOf("mme", 1)).toHaveLength(6);
});

it("the table shows what each benchmark reports", () => {
  const { table } = score("refcoco", ["[0.25, 0, 0.75, 0.5]", "no", "no"]);
  const [head, , line] = table.trim().split("\n");
  expect(head).toBe(
    "| method | average | tokens entering a layer | leaving it | positions | refcoco testA ACC@0.5 | kept | " +
      "refcoco testB ACC@0.5 | kept | mean kept |",
  );
  expect(line).toMatch(
    /^\| none \| all \| 4\.0 \| 2\.0 \| original \| 0\.500 \(.*\) \| 100\.0 % \| 0\.000 \(.*\) \| – \| – \|$/,
  );
});

describe("files that are wrong are named, with the field:", () => {
  it.each<[string, string, unknown, RegExp]>([
    ["refcoco", "refs(unc).p", "(lp1\nI1\na.", /refs\(unc\)\.p: field "0": must be an object, not/],
    ["refcoco", "refs(unc).p", "cos\nsystem\n(S'x'\ntR.", /refs\(unc\)\.p: is not a pickle of plain data/],
    [
      "refcoco",
      "instances.json",
      { images: [], annotations: [] },
      /instances\.json: lacks image 21, which reference 1/,
    ],
    ["refcoco", "instances.json", { images: [] }, /instances\.json: field "annotations"/],
    ["pope", "coco_pope_popular.json", '{"question_id":1}', /popular\.json: line 1: field "image"/],
    ["pope", "coco_pope_popular.json", "{", /popular\.json: line 1: is not JSON/],
    ["gqa", "testdev_balanced_questions.json", { "1": { question: "x" } }, /field "1\.answer"/],
    ["mme", "existence/0001.txt", "one line only\tYes\n", /0001\.txt: has 1 questions instead of 2/],
    ["mme", "existence/0001.txt", "a\tYes\nb\tMaybe\n", /0001\.txt: line 2: is not a question/],
    ["mme", "existence/0003.txt", "a\tYes\nb\tNo\n", /0003\.txt: the picture 0003\.jpg or 0003\.png is missing/],
    ["textvqa", "TextVQA_0.5.1_val.json", { data: [{}] }, /field "data\.0\.question_id"/],
    ["scienceqa", "pid_splits.json", { test: ["9"] }, /problems\.json: lacks problem "9"/],
    ["mmbench", "mmbench_dev_en_20231003.tsv", "index\tquestion\n1\tx\n", /record 1: field "A"/],
  ])("%s, %s", async (task, name, content, message) => {
    const folder = newFolder();
    await writeAllSamples(folder);
    writeFiles(join(folder, task), { [name]: content });
    const read = () => batchesOf({ tasks: [task], settings: [SETTING], split: "test", seed: 1, data: folder });
    expect(read).toThrow(message);
  });

  it("missing ones, pictures too, and names that lead out of the folder", async () => {
    const read = (folder: string | undefined, task: string) =>
      batchesOf({ tasks: [task], settings: [SETTING], split: "test", seed: 1, data: folder });
    expect(() => read(undefined, "pope")).toThrow(/task "pope" is read from files\. Give their folder with --data/);
    expect(() => read(newFolder(), "pope")).toThrow(/pope: holds none of coco_pope_random\.json/);
    expect(() => read(newFolder(), "mme")).toThrow(/mme: holds no questions\. docs/);
    const line = (image: string) => JSON.stringify({ question_id: 1, image, text: "x?", label: "no" });
    const first = async (image: string) => {
      for (const name of ["random", "popular", "adversarial"])
        writeFileSync(join(data, `pope/coco_pope_${name}.json`), line(image));
      return itemsOf("pope")[0].picture(data, 1);
    };
    await expect(first("gone.jpg")).rejects.toThrow(/val2014\/gone\.jpg: is missing \(also looked in images/);
    for (const name of ["../../secret.jpg", "/etc/passwd", "a/../../b.jpg"])
      await expect(first(name)).rejects.toThrow(/is not a plain file name/);
  });
});

it.each(TASK_NAMES)("an answer to %s that could not be marked leaves every figure a number", (task) => {
  const samples = itemsOf(task, 2).map((item): Sample => {
    const { question, expected, family, style, split, scene, id } = item;
    const where = { task, family, style, split, scene, id, seed: 1, batch: 0, question, expected, answer: "" };
    const unmarked = { correct: false, iou: null, centre: null, failed: "marking: odd" };
    return { ...where, ...unmarked, ...SETTING, tokensEntering: 576, tokensLeaving: 576 };
  });
  const rows = summarise(samples, [SETTING], 1);
  expect(rows.length).toBeGreaterThan(0);
  for (const { metric, score } of rows) expect(score, metric).toBe(0);
});
