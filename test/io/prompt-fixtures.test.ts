import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { NuwaError } from "../../src/core/errors.ts";
import { openEngine } from "../../src/io/sandbox/host.ts";
import { loadTokenizer } from "../../src/io/tokenizer.ts";
import { fixture, scratchFolder } from "./scratch.ts";

const folder = scratchFolder();

/** The value, or undefined where it is refused in one of our lines. */
function unlessRefused<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    expect(error).toBeInstanceOf(NuwaError);
    return undefined;
  }
}

describe("tokenizer.json of many kinds", () => {
  const cases: {
    json: object;
    texts: [text: string, special: boolean, ids: number[]][];
    decoded: [ids: number[], text: string][];
  }[] = JSON.parse(readFileSync(fixture("prompts", "tokenizers.json"), "utf8"));

  it("is read as the Python library tokenizers reads it, or refused", () => {
    let agreed = 0;
    for (const { json, texts, decoded } of cases) {
      const directory = join(folder, "model");
      rmSync(directory, { recursive: true, force: true });
      mkdirSync(directory);
      writeFileSync(join(directory, "tokenizer.json"), JSON.stringify(json));
      const tokenizer = unlessRefused(() => loadTokenizer(directory));
      if (!tokenizer) continue;
      for (const [text, special, ids] of texts) {
        const found = unlessRefused(() => tokenizer.encode(text, special));
        if (found) expect({ json, text, found }).toEqual({ json, text, found: ids });
        if (found) agreed++;
      }
      for (const [ids, text] of decoded) {
        const found = unlessRefused(() => tokenizer.decode(ids));
        if (found !== undefined) expect({ json, ids, found }).toEqual({ json, ids, found: text });
      }
    }
    expect(agreed).toBeGreaterThan(100);
  });
});

describe("chat templates of many kinds", () => {
  it.each([
    ["published and drawn ones", "templates.json", 150],
    ["values, filters, operators and white space", "template-values.json", 50],
  ])("are rendered as jinja2 renders them in transformers, or refused: %s", (_, file, least) => {
    const cases: { template: string; messages: unknown; text: string | null }[] = JSON.parse(
      readFileSync(fixture("prompts", file), "utf8"),
    );
    let agreed = 0;
    for (const { template, messages, text } of cases) {
      const variables = { messages, tools: null, documents: null, add_generation_prompt: true, bos_token: "<s>" };
      let found: unknown;
      try {
        found = openEngine("template", { source: template }).call("render", variables);
      } catch (error) {
        // No words of the engine.
        expect(String(error)).not.toMatch(/Value|Literal|Statement|undefined \(|Cannot read|call stack/);
        continue;
      }
      if (text === null) continue;
      expect({ template, found }).toEqual({ template, found: text });
      agreed++;
    }
    expect(agreed).toBeGreaterThan(least);
  });
});
