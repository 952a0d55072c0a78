import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { type Box, parseBox } from "../../../src/core/boxes.ts";
import { noTap } from "../../../src/core/taps.ts";
import { answerBatch } from "../../../src/eval/run/answers.ts";
import { preprocess } from "../../../src/io/image.ts";
import { loadVlm, shapesWeights } from "../../../src/io/load.ts";
import { none } from "../../../src/methods/none.ts";
import { disposeModel } from "../../../src/model/vlm.ts";
import { intersectionOverUnion } from "../../../src/world/geometry.ts";
import type { Question } from "../../../src/world/question.ts";
import { questionRandom, questionsFor } from "../../../src/world/questions.ts";
import { scenePng } from "../../../src/world/rendering.ts";
import { sceneOf } from "../../../src/world/scene.ts";
import { sceneFile } from "../../../src/world/scene-file.ts";
import { writeTinyFamily } from "../../support-families.ts";
import { nuwa, temporaryFolder } from "../support.ts";

const PROJECT = fileURLToPath(new URL("../../..", import.meta.url));
const { scripts } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8"));
const [, image, question] = /^node bin\/nuwa\.js ask (\S+) "([^"]+)" --out out$/.exec(scripts.start) as RegExpExecArray;
const picture = join(PROJECT, image);
const lineOf = (out: string, label: string) => new RegExp(`^${label} +(.*)$`, "m").exec(out)?.[1] ?? "";

describe("nuwa ask on a picture of nuwa scene", () => {
  it("as npm start does: Nüwa's box holds at 1/9 and is visibly right, and the record says so", async () => {
    const out = join(temporaryFolder(), "run");
    const { code, out: text } = await nuwa("ask", picture, question, "--backend", "wasm", "--out", out);
    expect(code).toBe(0);
    expect(lineOf(text, "unpruned")).toMatch(/\((the answer held|the box held: .*)\)$/);
    expect(lineOf(text, "truth")).toMatch(/^\[0\.\d\d, .*\] \(scene 129 of test, grounding\)$/);
    expect(lineOf(text, "marked")).toMatch(/^nuwa right \(IoU 0\.9\d\), unpruned right \(IoU 0\.9\d\)$/);
    expect(text).not.toMatch(/^note/m);
    const { truth, explored } = JSON.parse(readFileSync(join(out, "run.json"), "utf8"));
    const [cross] = sceneOf("test", 129).shapes.filter(({ colour, shape }) => `${colour} ${shape}` === "purple cross");
    expect(truth).toMatchObject({ split: "test", seed: 129, family: "grounding", box: cross.box });
    expect(truth.marks.pruned).toMatchObject({ correct: true, centre: true });
    expect(truth.marks.unpruned.iou).toBeGreaterThan(0.9);
    expect(explored).toBeUndefined();
    expect(readFileSync(join(out, "picture.svg"), "utf8")).toContain("stroke-dasharray");
  });

  it("--collector shows what the token in a cell is made of, and writes nothing where there is none", async () => {
    const argv = ["ask", picture, question, "--backend", "wasm", "--max-new-tokens", "1"];
    const out = join(temporaryFolder(), "run");
    const lost = await nuwa(...argv, "--out", out, "--collector", "1,1");
    expect([lost.code, existsSync(join(out, "run.json"))]).toEqual([2, false]);
    const [, row, column] = /^nuwa: --collector 1,1: .* has --collector (\d+),(\d+)\.$/m.exec(
      lost.err,
    ) as RegExpExecArray;
    expect((await nuwa(...argv, "--out", out, "--collector", `${row},${column}`)).code).toBe(0);
    const svg = readFileSync(join(out, "picture.svg"), "utf8");
    expect(svg).toContain(`itself (row ${row}, column ${column})`);
  });

  it.each([
    [[], /^nuwa: --collector says what the picture shows\. Ask for one with --out or --report\.\n$/],
    [["--method", "none", "--out", "out"], /^nuwa: --collector shows .* none keeps each as it is\. Leave it out/],
  ])("--collector with %j is refused before anything is run", async (more, message) => {
    const { code, err, out } = await nuwa("ask", picture, question, "--collector", "3,4", ...more);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(message);
  });

  it("--explore finds the average at which a method that loses the box points at it again", async () => {
    const out = temporaryFolder();
    const argv = ["ask", picture, question, "--backend", "wasm", "--method", "visionzip"];
    const { out: text } = await nuwa(...argv, "--explore", "--out", out);
    expect(lineOf(text, "unpruned")).toMatch(/\(the box (moved|was lost): .*\)$/);
    expect(lineOf(text, "marked")).toMatch(/^visionzip wrong \(IoU 0\.[0-4]\d\), unpruned right/);
    const lines = text.split("\n").filter((line) => line.startsWith("explore "));
    expect(lines.at(-1)).toMatch(/^explore +of these the answer first holds at --average (2\/9|1\/3)$/);
    const { explored } = JSON.parse(readFileSync(join(out, "run.json"), "utf8"));
    expect(lines).toHaveLength(explored.length + 1);
    expect(explored.at(-1)).toMatchObject({ holds: true, mark: { correct: true } });
    expect(existsSync(join(out, "picture.png"))).toBe(true);
  });

  it.each(["llava_next", "qwen2_5_vl"] as const)("marks the answers of a model of the family %s", async (family) => {
    const model = join(temporaryFolder(), "model");
    writeTinyFamily(family, model);
    const argv = ["ask", picture, question, "--model", model, "--backend", "wasm", "--max-new-tokens", "2"];
    const { code, out } = await nuwa(...argv);
    expect(code).toBe(0);
    expect(lineOf(out, "truth")).toMatch(/\(scene 129 of test, grounding\)$/);
    // Its weights are random.
    expect(lineOf(out, "marked")).toBe("nuwa wrong (IoU 0.00), unpruned wrong (IoU 0.00)");
  });

  it("refuses to explore where nothing is pruned", async () => {
    const { code, err, out } = await nuwa("ask", picture, question, "--method", "none", "--explore");
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(/^nuwa: --explore looks for more visual tokens: the method none keeps every one\. .*\n$/);
  });
});

it("a picture of nuwa scene is answered as the evaluated one, smaller and with noise, by words and by boxes", async () => {
  await useBackend("wasm");
  const vlm = loadVlm(shapesWeights());
  const folder = temporaryFolder();
  const answersOn = async (bytes: Uint8Array, questions: readonly Question[]) => {
    const path = join(folder, "scene.png");
    writeFileSync(path, bytes);
    const image = await preprocess(path, vlm.preprocessing);
    const asked = questions.map(({ text }) => ({ image, question: text }));
    return answerBatch(vlm, asked, { method: none(), tap: noTap, grey: false }, 16);
  };
  try {
    const scene = sceneOf("test", 15);
    const questions = questionsFor(scene, questionRandom(scene));
    expect(questions.filter(({ box }) => box).length).toBeGreaterThan(1);
    const drawn = await answersOn(await sceneFile(scene), questions);
    const evaluated = await answersOn(await scenePng(scene, vlm.preprocessing.side), questions);
    for (const [i, { text, box }] of questions.entries()) {
      const [one, other] = [drawn[i].answer, evaluated[i].answer];
      if (box) expect(intersectionOverUnion(parseBox(one) as Box, parseBox(other) as Box), text).toBeGreaterThan(0.5);
      else expect(one, text).toBe(other);
    }
  } finally {
    disposeModel(vlm.model);
  }
});
