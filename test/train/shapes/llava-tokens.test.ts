import { join } from "node:path";
import { expect, it } from "vitest";
import { writeAtomically } from "../../../src/io/files.ts";
import { loadChatTemplate } from "../../../src/io/prompt.ts";
import { loadTokenizer } from "../../../src/io/tokenizer.ts";
import { buildPrompt } from "../../../src/pipeline/processor.ts";
import { promptIds } from "../../../src/train/shapes/dialect.ts";
import {
  llavaDialect,
  SPECIAL_TOKENS,
  specialId,
  tokenizerConfig,
  tokenizerJson,
} from "../../../src/train/shapes/llava-tokens.ts";
import { questionRandom, questionsFor } from "../../../src/world/questions.ts";
import { sceneOf } from "../../../src/world/scene.ts";
import { inFolder } from "../support.ts";

const words = llavaDialect();
const questions = Array.from({ length: 40 }, (_, seed) => sceneOf("train", seed)).flatMap((scene) =>
  questionsFor(scene, questionRandom(scene)),
);

async function withFolder<T>(work: (folder: string) => T): Promise<T> {
  return inFolder(async (folder) => {
    writeAtomically(join(folder, "tokenizer.json"), JSON.stringify(tokenizerJson()));
    writeAtomically(join(folder, "tokenizer_config.json"), JSON.stringify(tokenizerConfig()));
    return work(folder);
  });
}

it("the written tokenizer and chat template give the ids that training uses", () =>
  withFolder((folder) => {
    const tokenizer = loadTokenizer(folder);
    const template = loadChatTemplate(folder, "");
    for (const { text, answer } of questions) {
      expect(buildPrompt(template, tokenizer, specialId("<image>"), text).ids).toEqual(promptIds(words, text));
      expect(tokenizer.encode(answer, false)).toEqual(words.of(answer));
    }
  }));

it("every word of questions and answers is in the vocabulary, and a coordinate is one token", () => {
  const unknown = specialId("<unk>");
  for (const { text, answer } of questions) {
    expect(words.of(text)).not.toContain(unknown);
    expect(words.of(answer)).not.toContain(unknown);
  }
  expect(words.of("0.37")).toEqual([words.firstCoordinate + 37]);
});

it("an unknown word becomes <unk>, and case does not matter", () =>
  withFolder((folder) => {
    const tokenizer = loadTokenizer(folder);
    expect(tokenizer.encode("Banana", false)).toEqual([specialId("<unk>")]);
    expect(tokenizer.encode("RED", false)).toEqual(tokenizer.encode("red", false));
    expect(tokenizer.encode("red", true)).toEqual([specialId("<s>"), ...words.of("red")]);
  }));

it("special tokens have the first ids", () => {
  expect(words.words.slice(0, SPECIAL_TOKENS.length)).toEqual([...SPECIAL_TOKENS]);
});
