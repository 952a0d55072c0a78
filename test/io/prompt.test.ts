import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/core/errors.ts";
import { loadChatTemplate, OWN_PROMPT } from "../../src/io/prompt.ts";
import { loadTokenizer } from "../../src/io/tokenizer.ts";
import { familyNamed } from "../../src/model/families.ts";
import { buildPrompt, type ChatMessage, type ChatTemplate } from "../../src/pipeline/processor.ts";
import { fixture, refusal, scratchFolder } from "./scratch.ts";

const folder = scratchFolder();
const tokenizer = loadTokenizer(fixture("tokenizer"));
const IMAGE = 398;
const VICUNA = familyNamed("llava").chatTemplate({});
const QUESTION = "What is on the table?";
const expected: {
  texts: { text: string; ids: number[] }[];
  conversations: { messages: ChatMessage[]; rendered: string }[];
} = JSON.parse(readFileSync(fixture("tokenizer", "expected.json"), "utf8"));

/** The chat template of a folder with these files. */
function templateOf(files: Record<string, unknown>) {
  const directory = join(folder, "model");
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  for (const [name, value] of Object.entries(files))
    writeFileSync(join(directory, name), typeof value === "string" ? value : JSON.stringify(value));
  return loadChatTemplate(directory, VICUNA);
}
const jinja = (source: string) => templateOf({ "chat_template.jinja": source });
const vicuna = templateOf({});
const VICUNA_SYSTEM =
  "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the user's questions. ";

describe("a chat template", () => {
  it.each(expected.conversations.map(({ messages, rendered }) => [rendered, messages] as const))(
    "renders what transformers renders: %j",
    (rendered, messages) => {
      expect(loadChatTemplate(fixture("tokenizer"), VICUNA).render(messages)).toBe(rendered);
    },
  );

  it("is found where transformers looks, in its order", () => {
    const files: [string, unknown][] = [
      ["tokenizer_config.json", { chat_template: "config" }],
      ["chat_template.jinja", "jinja\r\nand\rmore"],
      ["chat_template.json", { chat_template: "json" }],
      ["processor_config.json", { chat_template: "processor" }],
    ];
    const found = files.map((_, i) => templateOf(Object.fromEntries(files.slice(0, i + 1))).render([]));
    expect(found).toEqual(["config", "jinja\nand\nmore", "json", "processor"]);
  });

  it("is looked for further where a file has none", () => {
    const nothing = { chat_template: null };
    const files = { "processor_config.json": nothing, "chat_template.json": nothing, "tokenizer_config.json": nothing };
    expect(templateOf(files).origin).toBe(OWN_PROMPT);
    expect(templateOf({ ...files, "tokenizer_config.json": { chat_template: { default: "last" } } }).render([])).toBe(
      "last",
    );
  });

  it("is the one called default where there are several", () => {
    const several = [
      { name: "tools", template: "no" },
      { name: "default", template: "yes" },
    ];
    expect(templateOf({ "tokenizer_config.json": { chat_template: several } }).render([])).toBe("yes");
  });

  it("is given the first and last token, however tokenizer_config.json writes them", () => {
    const chat_template = "{{ bos_token }}|{{ eos_token }}|{{ add_generation_prompt }}";
    const eos_token = { content: "</s>", lstrip: false };
    expect(templateOf({ "tokenizer_config.json": { chat_template, bos_token: "<s>", eos_token } }).render([])).toBe(
      "<s>|</s>|True",
    );
    expect(templateOf({ "tokenizer_config.json": { chat_template, bos_token: null } }).render([])).toBe("||True");
  });

  it("is LLaVA-1.5's where there is none", () => {
    const turn = (role: ChatMessage["role"], text: string): ChatMessage => ({
      role,
      content: [{ type: "text", text }],
    });
    const { content } = turn("user", "Q1");
    const talk: ChatMessage[] = [
      { role: "user", content: [{ type: "image" }, ...content] },
      turn("assistant", "A1"),
      turn("user", "Q2"),
    ];
    expect(vicuna.render(talk)).toBe(`${VICUNA_SYSTEM}USER: <image>\nQ1 ASSISTANT: A1</s>USER: Q2 ASSISTANT:`);
    expect(templateOf({ "tokenizer_config.json": { chat_template: null } }).render(talk)).toBe(vicuna.render(talk));
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    [
      "ends in the middle",
      { "chat_template.jinja": "{% for x in messages %}" },
      /chat_template\.jinja: the chat template fails/,
    ],
    [
      "raises",
      { "chat_template.jinja": "{{ raise_exception('no\nimages') }}" },
      /fails \(no images\)\. Mend it, or remove it/,
    ],
    ["calls what does not exist", { "chat_template.jinja": "{{ nothing.at.all() }}" }, /the chat template fails/],
    ["makes a range without end", { "chat_template.jinja": "{{ range(1000000000) }}" }, /range of more than 100000/],
    [
      "doubles a text without end",
      {
        "chat_template.jinja":
          "{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}{{ n.x }}",
      },
      /makes a text of more than 1048576 characters/,
    ],
    [
      "calls itself",
      { "chat_template.jinja": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}" },
      /the calls of its macros, stand too deep in each other/,
    ],
    [
      "is nested too deeply",
      { "chat_template.jinja": `{{ ${"(".repeat(30_000)}1${")".repeat(30_000)} }}` },
      /its parts, .* stand too deep in each other/,
    ],
    [
      "is not understood",
      { "chat_template.jinja": "a\n{% include 'x' %}" },
      /fails \(line 2: is not understood at "include"\)/,
    ],
    ["is empty", { "chat_template.jinja": "", "tokenizer_config.json": { chat_template: "t" } }, /jinja: .* is empty/],
    [
      "is one of several without a default",
      { "tokenizer_config.json": { chat_template: [{ name: "tool_use", template: "t" }] } },
      /tokenizer_config\.json: has chat templates \(tool_use\), but none called "default"/,
    ],
    ["is too large", { "chat_template.jinja": "x".repeat(65_537) }, /65537 bytes, more than the 65536/],
    [
      "is too large in a JSON file",
      { "chat_template.json": { chat_template: "x".repeat(65_537) } },
      /chat_template\.json: .*longer than/,
    ],
    ["is not text", { "chat_template.json": { chat_template: 7 } }, /chat_template\.json: field "chat_template"/],
    ["is in a damaged file", { "tokenizer_config.json": "{" }, /tokenizer_config\.json: is not JSON/],
  ])("is refused when it %s, naming the file", (_, files, message) => {
    expect(refusal(() => templateOf(files).render([]))).toMatch(message);
  });
});

describe("buildPrompt", () => {
  it("gives transformers' ids, with one image token", () => {
    const { text, ids } = buildPrompt(loadChatTemplate(fixture("tokenizer"), VICUNA), tokenizer, IMAGE, QUESTION);
    const wanted = expected.texts.find((entry) => entry.text === text);
    expect(text).toBe(`USER: <image>\n${QUESTION} ASSISTANT:`);
    expect(ids).toEqual(wanted?.ids);
    expect(ids.filter((id) => id === IMAGE)).toHaveLength(1);
  });

  it("cuts the text at <image> where the image token is none of the tokenizer's, as original LLaVA does", () => {
    const { ids } = buildPrompt(vicuna, tokenizer, -200, QUESTION);
    const before = tokenizer.encode(`${VICUNA_SYSTEM}USER: `, true);
    const after = tokenizer.encode(`\n${QUESTION} ASSISTANT:`, false);
    expect(ids).toEqual([...before, -200, ...after]);
  });

  it("does not mistake an ordinary token with the image's id for a placeholder", () => {
    // Token 344 is part of a word; a text that holds it must still be cut at <image>.
    const { ids } = buildPrompt(jinja("W<image>W{{ messages[0].content[1].text }}"), tokenizer, 3, "?");
    expect(ids).toEqual([...tokenizer.encode("W", true), 3, ...tokenizer.encode("W?", false)]);
  });

  it("starts with the first token once, whether or not the template writes it", () => {
    const body = "USER: <image> {{ messages[0].content[1].text }}";
    const config = { "tokenizer_config.json": { bos_token: "<s>" } };
    for (const id of [IMAGE, -200]) {
      const plain = buildPrompt(jinja(body), tokenizer, id, QUESTION).ids;
      const written = buildPrompt(
        templateOf({ ...config, "chat_template.jinja": `{{ bos_token }}${body}` }),
        tokenizer,
        id,
        QUESTION,
      ).ids;
      for (const ids of [plain, written]) expect(ids.filter((token) => token === 1)).toHaveLength(1);
      expect([plain[0], written[0]]).toEqual([1, 1]);
    }
  });

  it("writes the model's own placeholder into LLaVA's prompt", () => {
    const directory = join(folder, "renamed");
    cpSync(fixture("tokenizer"), directory, { recursive: true });
    const path = join(directory, "tokenizer.json");
    writeFileSync(path, readFileSync(path, "utf8").replaceAll("<image>", "<picture>"));
    const { text, ids } = buildPrompt(vicuna, loadTokenizer(directory), IMAGE, QUESTION);
    expect(text).toContain(`USER: <picture>\n${QUESTION} ASSISTANT:`);
    expect(ids.filter((id) => id === IMAGE)).toHaveLength(1);
  });

  it("makes a question without an image when asked", () => {
    for (const id of [IMAGE, -200]) {
      const { text, ids } = buildPrompt(vicuna, tokenizer, id, QUESTION, 0);
      expect(text).toBe(`${VICUNA_SYSTEM}USER: ${QUESTION} ASSISTANT:`);
      expect(ids).toEqual(tokenizer.encode(text, true));
    }
  });

  it("refuses an empty question and one that holds the placeholder, as usage errors", () => {
    for (const question of ["", "  \n\t", "<image>", "What <image> is <image>?"])
      for (const id of [IMAGE, -200]) expect(() => buildPrompt(vicuna, tokenizer, id, question)).toThrow(UsageError);
    expect(refusal(() => buildPrompt(vicuna, tokenizer, IMAGE, " "))).toBe(
      "the question is empty. Ask something about the image.",
    );
  });

  it("gives a template that takes texts alone the image as a line in front of the question", () => {
    const added = "{{ 'USER: ' + messages[0]['content'].strip() + ' ASSISTANT:' }}";
    const written = "{% for m in messages %}USER: {{ m.content }}{% endfor %} ASSISTANT:";
    for (const source of [added, written]) {
      expect(buildPrompt(jinja(source), tokenizer, IMAGE, QUESTION).text).toBe(`USER: <image>\n${QUESTION} ASSISTANT:`);
      expect(buildPrompt(jinja(source), tokenizer, IMAGE, QUESTION, 0).text).toBe(`USER: ${QUESTION} ASSISTANT:`);
    }
  });

  it("is that of processor_config.json beside which there is no other", () => {
    const chat_template =
      "USER: {% for c in messages[0].content %}{% if c.type=='image' %}<image>{% else %}{{c.text}}{% endif %}{% endfor %} END";
    const found = templateOf({ "processor_config.json": { chat_template, processor_class: "LlavaProcessor" } });
    expect(buildPrompt(found, tokenizer, IMAGE, "Q").text).toBe("USER: <image>Q END");
    expect(found.origin).toMatch(/processor_config\.json$/);
    const refused = (written: unknown) =>
      refusal(() => templateOf({ "processor_config.json": { chat_template: written } }));
    expect(refused("")).toMatch(/processor_config\.json: the chat template is empty/);
    expect(refused({ rag: "x" })).toMatch(/processor_config\.json: has chat templates \(rag\), but none called/);
  });

  it("counts characters as Python does, not halves of them", () => {
    const shown = "{{ '😀a'[0] }}|{{ '😀a'[-1] }}|{{ '😀a'[1:] }}|{{ '😀a'[2] }}|{{ '😀a'|length }}";
    expect(jinja(shown).render([])).toBe("😀|a|a||2");
  });

  it("keeps what a turn of a loop has written before continue and break", () => {
    const parts = "{% for c in messages[0].content %}";
    const kept = `USER: ${parts}{% if c.type == 'image' %}<image>{% continue %}{% endif %}{{ c.text }}{% break %}{% endfor %} END`;
    expect(buildPrompt(jinja(kept), tokenizer, IMAGE, "Q").text).toBe("USER: <image>Q END");
  });

  it("asks a template that takes too long once, not in each form", () => {
    const endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}";
    const found = jinja(endless);
    let asked = 0;
    const template: ChatTemplate = {
      ...found,
      render: (...turn) => {
        asked++;
        return found.render(...turn);
      },
    };
    expect(refusal(() => buildPrompt(template, tokenizer, IMAGE, "In <image>?"))).toMatch(
      /chat_template\.jinja: the chat template fails \(takes more than the 5 seconds or 1024 MB allowed\)\. Mend it/,
    );
    expect(asked).toBe(1);
  });

  it.each([
    ["nowhere", "{{ messages[0].content[1].text }}", 0],
    ["twice", "<image><image>{{ messages[0].content[1].text }}", 2],
  ])("refuses a template that places the image %s", (_, source, times) => {
    for (const id of [IMAGE, -200])
      expect(refusal(() => buildPrompt(jinja(source), tokenizer, id, QUESTION))).toMatch(
        new RegExp(`chat_template\\.jinja: the chat template writes "<image>" ${times} times instead of 1`),
      );
  });

  it("puts several images in front of a text, or where the question places them", () => {
    for (const id of [IMAGE, -200]) {
      const images = (ids: number[]) => ids.filter((token) => token === id).length;
      const infront = buildPrompt(vicuna, tokenizer, id, QUESTION, 2);
      expect(infront.text).toBe(`${VICUNA_SYSTEM}USER: <image>\n<image>\n${QUESTION} ASSISTANT:`);
      expect(images(infront.ids)).toBe(2);
      const image = { type: "image" } as const;
      const text = (words: string) => ({ type: "text", text: words }) as const;
      const between = buildPrompt(vicuna, tokenizer, id, [text("First "), image, text("then "), image, text("?")], 2);
      expect(between.text).toBe(`${VICUNA_SYSTEM}USER: First <image>\nthen <image>\n? ASSISTANT:`);
      expect(images(between.ids)).toBe(2);
      expect(refusal(() => buildPrompt(vicuna, tokenizer, id, [image, text("?")], 2))).toBe(
        "the question places 1 of 2 images. Place each of them once by <image>, or none: then they stand in front.",
      );
      // The template of llava-1.5-7b-hf puts all images first.
      const first = loadChatTemplate(fixture("tokenizer"), VICUNA);
      expect(buildPrompt(first, tokenizer, id, QUESTION, 2).text).toBe(
        `USER: <image>\n<image>\n${QUESTION} ASSISTANT:`,
      );
      // Placed, they stay where they are in the text, as in LLaVA's own prompts; a text may say so by itself.
      const placed = "USER: In <image> and <image>? ASSISTANT:";
      expect(buildPrompt(first, tokenizer, id, [text("In "), image, text(" and "), image, text("?")], 2)).toEqual(
        buildPrompt(first, tokenizer, id, "In <image> and <image>?", 2),
      );
      expect(buildPrompt(first, tokenizer, id, "In <image> and <image>?", 2).text).toBe(placed);
      const moving: ChatTemplate = {
        origin: "moving.jinja",
        render: ([{ content }], marker) =>
          `${marker}${content.map((part) => (part.type === "text" ? part.text.replaceAll(`${marker}`, "") : "")).join("")}`,
      };
      expect(refusal(() => buildPrompt(moving, tokenizer, id, "In <image>?", 1))).toMatch(
        /^moving\.jinja: the chat template does not leave images where the question places them/,
      );
    }
  });

  it("is that of the decoder in LLaVA-NeXT", () => {
    const directory = join(folder, "mistral");
    mkdirSync(directory, { recursive: true });
    const own = familyNamed("llava_next").chatTemplate;
    const rendered = (model_type: string) =>
      buildPrompt(loadChatTemplate(directory, own({ text_config: { model_type } })), tokenizer, IMAGE, QUESTION).text;
    expect(rendered("mistral")).toBe(`[INST] <image>\n${QUESTION} [/INST]`);
    expect(rendered("llama")).toBe(`${VICUNA_SYSTEM}USER: <image>\n${QUESTION} ASSISTANT:`);
  });

  it("is Qwen2.5-VL's own where a folder has none, and the same from its chat template", () => {
    const own = familyNamed("qwen2_5_vl").chatTemplate({});
    // As in Qwen2.5-VL-7B-Instruct, less videos and tools.
    const published =
      "{% set image_count = namespace(value=0) %}{% for message in messages %}{% if loop.first and message['role'] != " +
      "'system' %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}<|im_start|>" +
      "{{ message['role'] }}\n{% if message['content'] is string %}{{ message['content'] }}<|im_end|>\n{% else %}" +
      "{% for content in message['content'] %}{% if content['type'] == 'image' or 'image' in content %}" +
      "{% set image_count.value = image_count.value + 1 %}{% if add_vision_id %}Picture {{ image_count.value }}: " +
      "{% endif %}<|vision_start|><|image_pad|><|vision_end|>{% elif 'text' in content %}{{ content['text'] }}" +
      "{% endif %}{% endfor %}<|im_end|>\n{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>" +
      "assistant\n{% endif %}";
    const content = [{ type: "image" }, { type: "text", text: QUESTION }, { type: "image" }] as const;
    const messages = [{ role: "user", content }] as const;
    const directory = join(folder, "none");
    mkdirSync(directory, { recursive: true });
    const rendered = loadChatTemplate(directory, own).render(messages, "<|image_pad|>");
    expect(rendered).toBe(jinja(published).render(messages, "<|image_pad|>"));
    expect(rendered).toBe(
      "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n<|vision_start|><|image_pad|>" +
        `<|vision_end|>${QUESTION}<|vision_start|><|image_pad|><|vision_end|><|im_end|>\n<|im_start|>assistant\n`,
    );
  });
});
