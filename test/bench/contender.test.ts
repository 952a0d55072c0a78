import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compareWithTransformers } from "../../scripts/bench/against.ts";
import { Contender } from "../../scripts/bench/contender.ts";
import type { Shape } from "../../scripts/bench/shapes.ts";
import { useBackend } from "../../src/backend/select.ts";

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "nuwa-test-"));
  await useBackend("wasm");
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A program that stands for python: it answers each request with what an expression makes of it. */
function script(name: string, expression: string, before = ""): string {
  const path = join(folder, `${name}.mjs`);
  writeFileSync(
    path,
    `import { createInterface } from "node:readline";\n${before}\n` +
      "createInterface({ input: process.stdin }).on('line', (line) => {\n" +
      `  const request = JSON.parse(line);\n  const answer = ${expression};\n` +
      "  if (answer !== undefined) console.log(typeof answer === 'string' ? answer : JSON.stringify(answer));\n});\n",
  );
  return path;
}

const node = process.execPath;
const ONE_LINE = /^NuwaError: --against [^\n]+Name a python that has torch and transformers[^\n]+$/;
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => "nothing",
    (error: Error) => `${error.name}: ${error.message}`,
  );

describe("the program that is measured against", () => {
  it("stays up and answers each request", async () => {
    const contender = new Contender(node, {
      script: script("counts", "{ count: ++count, do: request.do }", "let count = 0;"),
    });
    try {
      expect(await contender.ask({ do: "make" })).toEqual({ count: 1, do: "make" });
      expect(await contender.ask({ do: "run" })).toEqual({ count: 2, do: "run" });
    } finally {
      contender.stop();
    }
  });

  it("is told in one line when it is not there", async () => {
    const message = await refusal(new Contender("/nowhere/python").ask({ do: "make" }));
    expect(message).toMatch(/cannot be run .*ENOENT/);
    expect(message).toMatch(ONE_LINE);
  });

  it.each([
    ["says that it failed", "{ error: 'ModuleNotFoundError: No module named torch' }", "", /No module named torch/],
    ["answers no JSON", "'hello'", "", /no JSON object/],
    ["answers a number", "17", "", /no JSON object/],
    ["ends", "process.exit(3)", "console.error('first'); console.error('out of memory');", /code 3: out of memory/],
    ["is silent for too long", "undefined", "", /no answer within 1 s/],
  ])("is told in one line when it %s", async (what, expression, before, expected) => {
    const patience = expression === "undefined" ? 1000 : 60_000;
    const path = script(what.replaceAll(" ", "-"), expression, before);
    const contender = new Contender(node, { script: path, patience });
    const message = await refusal(contender.ask({ do: "make" }));
    contender.stop();
    expect(message).toMatch(expected);
    expect(message).toMatch(ONE_LINE);
  });

  it("says the same of every request behind its end", async () => {
    const contender = new Contender(node, { script: script("gone", "process.exit(2)") });
    const first = await refusal(contender.ask({ do: "make" }));
    expect(await refusal(contender.ask({ do: "run" }))).toBe(first);
  });
});

const TINY: Shape = {
  name: "tiny",
  description: "for tests",
  config: {
    image_token_index: 3,
    vision_config: {
      hidden_size: 16,
      intermediate_size: 16,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      image_size: 112,
      patch_size: 14,
    },
    text_config: {
      vocab_size: 400,
      hidden_size: 16,
      intermediate_size: 16,
      num_hidden_layers: 24,
      num_attention_heads: 2,
    },
  },
};

describe("turns with transformers", () => {
  const times = "{ tower: 1, prefill: 2, pass: 4, steps: [9, 3, 5] }";
  const answer = `request.do === 'make' ? { torch: '1', transformers: '2' } : (requests.push(request), ${times})`;

  it("alternate, leave the warm-up out, and give both programs the same tokens and threads", async () => {
    const log = join(folder, "requests.json");
    const before =
      "import { writeFileSync } from 'node:fs';\nconst requests = [];\n" +
      `process.stdin.on('data', () => setTimeout(() => writeFileSync('${log}', JSON.stringify(requests)), 1));`;
    const report = await compareWithTransformers("wasm", TINY, 2, node, {
      script: script("times", answer, before),
    });
    expect(report.threads).toBe(1);
    expect(report.ours).toHaveLength(2);
    expect(report.ours.every((one) => Object.values(one).every((time) => time > 0))).toBe(true);
    const own = { tower: 1, prefill: 2, pass: 4, decode: 5 };
    expect(report.theirs).toEqual({ eager: [own, own], sdpa: [own, own] });
    const requests = JSON.parse(readFileSync(log, "utf8")) as { attention: string; ids: number[]; threads: number }[];
    expect(requests.map(({ attention }) => attention).slice(0, 4)).toEqual(["eager", "sdpa", "eager", "sdpa"]);
    expect(requests[0].ids.filter((id) => id === 3)).toHaveLength(64);
    expect(requests[0].ids).toHaveLength(64 + 35 + 20);
  });

  it("are refused where the answer has no times", async () => {
    const path = script("timeless", "request.do === 'make' ? { torch: '1', transformers: '2' } : { tower: 1 }");
    expect(await refusal(compareWithTransformers("wasm", TINY, 1, node, { script: path }))).toMatch(
      /^NuwaError: --against: python answered without times/,
    );
  });
});
