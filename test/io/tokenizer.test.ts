import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadTokenizer } from "../../src/io/tokenizer.ts";
import { fixture, refusal, scratchFolder } from "./scratch.ts";

const folder = scratchFolder();
const tokenizer = loadTokenizer(fixture("tokenizer"));
const expected: { texts: { text: string; ids: number[]; decoded: string }[] } = JSON.parse(
  readFileSync(fixture("tokenizer", "expected.json"), "utf8"),
);

/** A folder with this text for tokenizer.json. */
function folderWith(text: string): string {
  const directory = join(folder, "damaged");
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "tokenizer.json"), text);
  return directory;
}

describe("a tokenizer", () => {
  it.each(expected.texts.map(({ text, ids, decoded }) => [text, ids, decoded] as const))(
    "gives the ids and the text of Hugging Face's tokenizers for %j",
    (text, ids, decoded) => {
      expect(tokenizer.encode(text, true)).toEqual(ids);
      expect(tokenizer.decode(ids)).toBe(decoded);
    },
  );

  it("puts the first token in front only when asked", () => {
    expect(tokenizer.encode("two", true)).toEqual([1, ...tokenizer.encode("two", false)]);
    expect([tokenizer.encode("", false), tokenizer.encode("", true)]).toEqual([[], [1]]);
  });

  it("decodes no tokens to no text", () => {
    expect(tokenizer.decode([])).toBe("");
  });

  it("knows its tokens by name and by id, and no others", () => {
    expect([tokenizer.idOf("<image>"), tokenizer.tokenOf(398)]).toEqual([398, "<image>"]);
    expect([tokenizer.idOf("<box>"), tokenizer.tokenOf(400), tokenizer.tokenOf(-200)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    for (const name of ["constructor", "__proto__", "toString"]) expect(tokenizer.idOf(name)).toBeUndefined();
  });

  it("gives back every text, in whatever script", () => {
    const text = fc.string({ unit: "binary", maxLength: 30 });
    // ▁ stands for a space, and special tokens are left out.
    const plain = text.filter((t) => !/▁|<(unk|s|\/s|image|pad|0x..)>/.test(t));
    fc.assert(
      fc.property(plain, (t) => {
        const ids = tokenizer.encode(t, false);
        expect(tokenizer.decode(ids)).toBe(t);
        expect(ids.every((id) => Number.isInteger(id) && id >= 0 && id < 400)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it("needs no tokenizer_config.json", () => {
    const directory = join(folder, "bare");
    mkdirSync(directory);
    cpSync(fixture("tokenizer", "tokenizer.json"), join(directory, "tokenizer.json"));
    const { text, ids } = expected.texts[1];
    expect(loadTokenizer(directory).encode(text, true)).toEqual(ids);
  });
});

describe("as Hugging Face's tokenizers 0.23.2 and transformers 5.18", () => {
  const token = (id: number, content: string, strip: object) => ({
    ...{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
    ...strip,
  });
  const small = (parts: object) =>
    loadTokenizer(
      folderWith(
        JSON.stringify({
          version: "1.0",
          added_tokens: [],
          model: {
            type: "BPE",
            unk_token: "<unk>",
            vocab: { "<unk>": 0, x: 1, y: 2, a: 3, " ": 4, "\n": 5 },
            merges: [],
          },
          ...parts,
        }),
      ),
    );
  const around = (name: string, id: number) => ({
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: name, type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
    pair: [],
    special_tokens: { [name]: { id: name, ids: [id], tokens: [name] } },
  });

  it("a token that the one before took in with the white space behind it is no token", () => {
    const both = small({ added_tokens: [token(5, "\n", { lstrip: true, rstrip: true })] });
    expect([both.encode("\n\n\n", true), both.encode("a\n \na", true)]).toEqual([[5], [3, 5, 3]]);
    const right = small({ added_tokens: [token(6, "<image>", { rstrip: true }), token(5, "\n", {})] });
    expect(right.encode("<image>\na", true)).toEqual([6, 5, 3]);
  });

  it("truncation and padding have no effect", () => {
    const whole = small({ truncation: { max_length: 1, strategy: "LongestFirst" }, padding: { pad_id: 0 } });
    expect(whole.encode("aa", true)).toEqual([3, 3]);
  });

  it("what they nest, refuse or fail at is refused", () => {
    const twice = { type: "Sequence", processors: [around("x", 1), around("y", 2)] };
    expect(refusal(() => small({ post_processor: twice }))).toContain("may hold one step that adds tokens");
    expect(refusal(() => small({ normalizer: { type: "Prepend", prepend: "" } }))).toContain("prepend");
    const strip = { type: "Strip", content: "ab", start: 1, stop: 0 };
    expect(refusal(() => small({ decoder: strip }))).toContain("must be one character");
  });
});

describe("ids without a token", () => {
  it("are left out of a text, whether beyond the vocabulary, in a gap of it or negative", () => {
    const [a] = tokenizer.encode("two", false);
    expect(tokenizer.decode([a, 400, 1e9, -1, -200])).toBe(tokenizer.decode([a]));
    expect(tokenizer.decode([400])).toBe("");
  });

  it("are left out between tokens of a vocabulary that the model pads", () => {
    const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
    const tokens = ["<unk>", "<s>", "</s>", ...bytes, "▁", "a", "b", "▁a", "ab"];
    const [space, pattern] = ["▁", { String: "▁" }];
    const model = { type: "BPE", unk_token: null, fuse_unk: true, byte_fallback: true, ignore_merges: false };
    const json = {
      added_tokens: [
        { id: 264, content: "<image>", special: true, ...{ single_word: false, lstrip: false, rstrip: false } },
      ].map((token) => ({ ...token, normalized: false })),
      ...{ normalizer: { type: "Prepend", prepend: space }, pre_tokenizer: null, post_processor: null },
      decoder: {
        type: "Sequence",
        decoders: [
          { type: "Replace", pattern, content: " " },
          { type: "ByteFallback" },
          { type: "Fuse" },
          { type: "Strip", content: " ", start: 1, stop: 0 },
        ],
      },
      model: {
        ...model,
        vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
        merges: ["▁ a", "a b"],
      },
    };
    // As tokenizers 0.23 decodes them.
    expect(loadTokenizer(folderWith(JSON.stringify(json))).decode([262, 270, 263])).toBe("aab");
  });
});

describe("special tokens", () => {
  it("are those of tokenizer.json, whatever tokenizer_config.json says", () => {
    const directory = join(folder, "marked");
    cpSync(fixture("tokenizer"), directory, { recursive: true });
    const path = join(directory, "tokenizer.json");
    const json = JSON.parse(readFileSync(path, "utf8"));
    json.added_tokens.push({ ...json.added_tokens.at(-1), id: 400, content: "<x>", special: false });
    writeFileSync(path, JSON.stringify(json));
    const config = { eos_token: "<x>", added_tokens_decoder: { 400: { content: "<x>", special: true } } };
    writeFileSync(join(directory, "tokenizer_config.json"), JSON.stringify(config));
    // docs/families.md says what transformers does.
    expect(loadTokenizer(directory).decode([400, 398])).toBe("<x>");
  });
});

describe("a tokenizer that cannot be used", () => {
  it("is missing, with the remedy", () => {
    expect(refusal(() => loadTokenizer(join(folder, "nowhere")))).toMatch(
      /tokenizer\.json: is missing\. Save the tokenizer/,
    );
  });

  it.each([
    ["", /is not JSON/],
    ["[]", /tokenizer\.json: /],
    ["null", /tokenizer\.json: /],
    ["{}", /field "model"/],
    ['{"model":{}}', /field "model\.vocab"/],
    ['{"model":{"vocab":7}}', /field "model\.vocab"/],
    ['{"model":{"type":"Magic","vocab":{}}}', /field "model\.type": must be BPE/],
    ['{"model":{"type":"BPE","vocab":{"a":0},"merges":7},"added_tokens":[]}', /tokenizer\.json: /],
  ])("is refused as %j", (text, message) => {
    expect(refusal(() => loadTokenizer(folderWith(text)).encode("a", true))).toMatch(message);
  });

  const sound = JSON.parse(readFileSync(fixture("tokenizer", "tokenizer.json"), "utf8"));

  it.each([
    [undefined, "added_tokens", "must be a list of tokens"],
    [{ id: 1, content: "<a>" }, "added_tokens", "must be a list of tokens"],
    ["<a>", "added_tokens", "must be a list of tokens"],
    [[null], "added_tokens.0", "must be an object with id and content"],
    [["<a>"], "added_tokens.0", "must be an object with id and content"],
    [[{ content: "<a>" }], "added_tokens.0.id", "must be a token id, an integer from 0"],
    [[{ id: "1", content: "<a>" }], "added_tokens.0.id", "must be a token id, an integer from 0"],
    [[{ id: -1, content: "<a>" }], "added_tokens.0.id", "must be a token id, an integer from 0"],
    [[{ id: 1.5, content: "<a>" }], "added_tokens.0.id", "must be a token id, an integer from 0"],
    [[{ id: 1e12, content: "<a>" }], "added_tokens.0.id", "is beyond every vocabulary (16777216)"],
    [[{ id: 1 }], "added_tokens.0.content", "must be the token's text"],
    [[{ id: 1, content: "" }], "added_tokens.0.content", "must be the token's text"],
    [
      [
        { id: 1, content: "<a>" },
        { id: 1, content: "<b>" },
      ],
      "added_tokens.1.id",
      "1 stands there twice",
    ],
    [
      [
        { id: 1, content: "<a>" },
        { id: 2, content: "<a>" },
      ],
      "added_tokens.1.content",
      '"<a>" stands there twice',
    ],
  ])("whose added tokens are %j is refused by its field", (added_tokens, field, problem) => {
    const directory = folderWith(JSON.stringify({ ...sound, added_tokens }));
    expect(refusal(() => loadTokenizer(directory))).toBe(
      `${join(directory, "tokenizer.json")}: field "${field}": ${problem}.`,
    );
  });

  it("gives no text ids that do not exist", () => {
    const model = { type: "WordLevel", vocab: { known: 3 }, unk_token: "<unk>" };
    const directory = folderWith(JSON.stringify({ ...sound, model, added_tokens: [], post_processor: null }));
    const { encode } = loadTokenizer(directory);
    expect(refusal(() => encode("strange", false))).toMatch(/tokenizer\.json: has no token for ".*strange"/);
  });

  it.each([
    [{ pre_tokenizer: { type: "Split", pattern: "a", behavior: "Isolated", invert: false } }, "pre_tokenizer.pattern"],
    [{ pre_tokenizer: { type: "Magic" } }, "pre_tokenizer.type"],
    [{ pre_tokenizer: { type: "Digits", individual_digits: true, colour: 1 } }, "pre_tokenizer"],
    [{ normalizer: { type: "Sequence", normalizers: [{ type: "Precompiled" }] } }, "normalizer.normalizers.0.type"],
    [{ normalizer: { type: "Replace", pattern: { Regex: "a++" }, content: "" } }, "normalizer.pattern.Regex"],
    [{ normalizer: { type: "Replace", pattern: { Regex: "(?i)a" }, content: "" } }, "normalizer.pattern.Regex"],
    [{ normalizer: { type: "Replace", pattern: { Regex: "[a&&b]" }, content: "" } }, "normalizer.pattern.Regex"],
    [{ normalizer: { type: "Replace", pattern: { Regex: "a*" }, content: "" } }, "normalizer.pattern.Regex"],
    [{ decoder: { type: "CTC" } }, "decoder.type"],
    [{ model: { ...sound.model, dropout: 0.1 } }, "model.dropout"],
    [{ model: { ...sound.model, continuing_subword_prefix: "##" } }, "model.continuing_subword_prefix"],
    [{ model: { ...sound.model, merges: ["a b c"] } }, "model.merges.0"],
    [{ added_tokens: [{ id: 7000, content: "<far>" }] }, "added_tokens.0.id"],
  ])("is refused by its field where it holds %j", (changes, field) => {
    const directory = folderWith(JSON.stringify({ ...sound, ...changes }));
    expect(refusal(() => loadTokenizer(directory))).toContain(`field "${field}": `);
  });

  it.each([
    [
      "a pattern that takes for ever",
      { Regex: "(a+)+$" },
      "x",
      0,
      `${"a".repeat(40)}b`,
      /takes more than the 5 seconds/,
    ],
    ["a text that grows", { String: "a" }, "a".repeat(2 ** 17), 1, "a".repeat(2 ** 7), /lets a text grow beyond/],
  ])("is stopped at %s", (_, pattern, content, more, text, message) => {
    const step = { type: "Replace", pattern, content };
    const normalizer = { type: "Sequence", normalizers: new Array(1 + more).fill(step) };
    const { encode, decode } = loadTokenizer(folderWith(JSON.stringify({ ...sound, normalizer })));
    expect(refusal(() => encode(text, false))).toMatch(message);
    // The others go on, and so does it.
    expect(tokenizer.encode("two", false)).not.toEqual([]);
    expect(decode([])).toBe("");
  });

  it("is refused in one line when any part of its file is damaged", () => {
    const sound = JSON.parse(readFileSync(fixture("tokenizer", "tokenizer.json"), "utf8"));
    const part = fc.constantFrom(...Object.keys(sound));
    fc.assert(
      fc.property(part, fc.jsonValue(), (name, value) => {
        const directory = folderWith(JSON.stringify({ ...sound, [name]: value }));
        let ids: unknown;
        try {
          ids = loadTokenizer(directory).encode("a b", true);
        } catch {
          ids = refusal(() => loadTokenizer(directory).encode("a b", true));
        }
        expect(ids).toBeDefined();
      }),
      { numRuns: 40 },
    );
  });
});
