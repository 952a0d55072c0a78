import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { normaliseAnswer } from "../../../../src/eval/tasks/benchmarks/evalai.ts";
import { letterOf } from "../../../../src/eval/tasks/benchmarks/mmbench-letter.ts";
import { fixturePath } from "../../../support.ts";
import { newFolder, removeFolders } from "../../support.ts";
import { FILES, figuresOf, type HarnessCase, itemsOf, samplesOf, scoreOf } from "./harness-cases.ts";
import { writeFiles } from "./samples.ts";

/** Made by a transcription of lmms-eval 0.3.4 in Python, see test/fixtures/harness. */
const CASES = JSON.parse(readFileSync(fixturePath("harness/cases.json"), "utf8")) as Record<string, HarnessCase>;
const TASKS = Object.keys(CASES);

/** What other programs do to text files on their way, and leave beside them. */
interface Edit {
  readonly end: string;
  readonly change: (text: string) => string;
}
const PLAIN: Edit = { end: "\n", change: (text) => text };
const EDITS: Readonly<Record<string, Edit>> = {
  "as they are": PLAIN,
  "with a byte-order mark": { ...PLAIN, change: (text) => `\ufeff${text}` },
  "with CRLF": { ...PLAIN, end: "\r\n" },
  "with a byte-order mark, CRLF, and no last line end": {
    end: "\r\n",
    change: (text) => `\ufeff${text.replace(/\r\n$/, "")}`,
  },
};
const LEFT_BESIDE = [".DS_Store", "._1.txt", "._1.png", "Thumbs.db", "desktop.ini"];

function write(task: string, { end, change }: Edit): string {
  const folder = newFolder();
  const files = FILES[task](CASES[task].data, end);
  for (const [name, text] of Object.entries(files)) {
    writeFiles(join(folder, task), { [name]: /\.(p|png)$/.test(name) ? text : change(text) });
    const beside = join(folder, task, name, "..");
    writeFiles(beside, Object.fromEntries(LEFT_BESIDE.map((other) => [other, "\0\u0005\u0016\u0007"])));
  }
  return folder;
}

describe("as lmms-eval 0.3.4 does, transcribed in Python:", () => {
  afterAll(removeFolders);

  it.each(TASKS)("%s asks the same, whatever other programs did to the files", (task) => {
    for (const [name, edit] of Object.entries(EDITS)) {
      const prompts = itemsOf(task, write(task, edit)).map(({ question }) => question);
      expect(prompts, name).toEqual(CASES[task].prompts);
    }
  });

  it.each(TASKS)("%s gives every answer the same mark, and all of them the same figures", (task) => {
    const items = itemsOf(task, write(task, PLAIN));
    for (const [run, { answers, scores, centres, figures }] of CASES[task].runs.entries()) {
      const samples = samplesOf(items, answers);
      samples.forEach((sample, i) => {
        expect(scoreOf(sample), `${sample.expected}: ${JSON.stringify(sample.answer)}`).toBeCloseTo(scores[i], 12);
        if (centres) expect(sample.centre).toBe(centres[i]);
      });
      // Intervals, which a summary has too, take their time.
      if (run % 8 > 0) continue;
      const figure = figuresOf(samples);
      for (const [name, value] of Object.entries(figures)) expect(figure(name), name).toBeCloseTo(value, 10);
    }
  });

  it("the cases of each benchmark hold right and wrong answers, some of each", () => {
    for (const task of TASKS) {
      const scores = CASES[task].runs.flatMap((run) => run.scores);
      expect(scores.filter((score) => score > 0.5).length, task).toBeGreaterThan(20);
      expect(scores.filter((score) => score === 0).length, task).toBeGreaterThan(20);
    }
  });

  it("mmbench reads the same letter in an answer, also a wrong one", () => {
    const { data, runs } = CASES.mmbench;
    const rows = data.filter(({ index }: { index: number }) => index % 1_000_000 !== 11);
    for (const { answers, letters = [] } of runs)
      for (const [i, answer] of answers.entries())
        expect(letterOf(answer, rows[i]) ?? null, JSON.stringify(answer)).toBe(letters[i]);
  });

  it("textvqa knows the same contractions and numbers", () => {
    for (const [word, normal] of CASES.textvqa.normal ?? []) expect(normaliseAnswer(word)).toBe(normal);
  });
});
