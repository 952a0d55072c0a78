import { existsSync } from "node:fs";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { Template } from "@huggingface/jinja";
import { z } from "zod";
import { NuwaError, UsageError } from "../core/errors.ts";
import { readJson, readText, reasonOf } from "./files.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** One turn of a conversation, in the form that chat templates take. */
export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: readonly ({ readonly type: "image" } | { readonly type: "text"; readonly text: string })[];
}

/** Conversation to text, ending where the assistant's answer begins. */
export interface ChatTemplate {
  /** The file it was read from, or what it is; for errors. */
  readonly origin: string;
  /** @param imageToken what to write for an image, where the template leaves that open */
  render(messages: readonly ChatMessage[], imageToken?: string): string;
}

/** A question, ready for the model. */
export interface Prompt {
  /** Exactly one image token, or none for a question without an image. */
  readonly ids: number[];
  /** What was tokenised, with `<image>` where the image stands. */
  readonly text: string;
}

/** vicuna_v1, the conversation that LLaVA-1.5 was trained on (haotian-liu/LLaVA, llava/conversation.py). */
const VICUNA_V1 =
  "A chat between a curious user and an artificial intelligence assistant. " +
  "The assistant gives helpful, detailed, and polite answers to the user's questions. " +
  "{% for message in messages %}{{ message.role | upper }}: " +
  "{% for part in message.content %}{{ image_token + '\\n' if part.type == 'image' else part.text }}{% endfor %}" +
  "{{ '</s>' if message.role == 'assistant' else ' ' }}{% endfor %}ASSISTANT:";

/** Templates are programs: a small limit keeps them to what a person can have written. */
const MAX_TEMPLATE_BYTES = 64 * 2 ** 10;
const MAX_TEMPLATE_MILLISECONDS = 5000;

const templateFile = z.object({ chat_template: z.string() });
const namedTemplate = z.object({ name: z.string(), template: z.string() });
const token = z.union([z.string(), z.object({ content: z.string() })]).nullish();
const tokenizerConfig = z.object({
  chat_template: z.union([z.string(), z.array(namedTemplate)]).nullish(),
  bos_token: token,
  eos_token: token,
});

/**
 * The chat template of a checkpoint folder: `chat_template.jinja`, `chat_template.json` or the one in
 * `tokenizer_config.json`, in this order, as transformers does; vicuna_v1 where there is none.
 *
 * @throws NuwaError naming the file when it is too large or is not a template
 */
export function loadChatTemplate(directory: string): ChatTemplate {
  const configPath = join(directory, "tokenizer_config.json");
  const config = existsSync(configPath) ? readJson(configPath, tokenizerConfig) : {};
  const { origin, source } = findTemplate(directory, config.chat_template, configPath);
  if (source.length > MAX_TEMPLATE_BYTES)
    throw new NuwaError(`${origin}: the chat template is longer than the ${MAX_TEMPLATE_BYTES} characters allowed.`);
  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw new NuwaError(
        `${origin}: the chat template fails (${reasonOf(error)}). Mend it, or remove it to use LLaVA-1.5's prompt.`,
      );
    }
  };
  const template = guarded(() => new Template(source));
  const variables = { bos_token: textOf(config.bos_token), eos_token: textOf(config.eos_token) };
  return {
    origin,
    render: (messages, imageToken = "<image>") =>
      guarded(() =>
        withTimeLimit(() =>
          template.render({ ...variables, messages, image_token: imageToken, add_generation_prompt: true }),
        ),
      ),
  };
}

/** A template can loop for ever; code that is called from a vm script can be stopped from outside. */
function withTimeLimit(render: () => string): string {
  return runInNewContext("render()", { render }, { timeout: MAX_TEMPLATE_MILLISECONDS });
}

function findTemplate(
  directory: string,
  inConfig: z.infer<typeof tokenizerConfig>["chat_template"],
  configPath: string,
): { origin: string; source: string } {
  const jinja = join(directory, "chat_template.jinja");
  if (existsSync(jinja)) return { origin: jinja, source: readText(jinja, MAX_TEMPLATE_BYTES) };
  const json = join(directory, "chat_template.json");
  if (existsSync(json)) return { origin: json, source: readJson(json, templateFile).chat_template };
  const source = Array.isArray(inConfig) ? inConfig.find(({ name }) => name === "default")?.template : inConfig;
  return source ? { origin: configPath, source } : { origin: "LLaVA-1.5's prompt", source: VICUNA_V1 };
}

/** tokenizer_config.json writes a token as a string or as an object with its properties. */
function textOf(value: z.infer<typeof token>): string {
  return typeof value === "string" ? value : (value?.content ?? "");
}

/**
 * A question about an image, as token ids.
 *
 * Where the tokenizer has a placeholder of the id that the model wants, the whole text is tokenised at
 * once. Original LLaVA's id, −200, is no token: the text is cut at `<image>`, its parts are tokenised
 * alone, and the id goes in between.
 *
 * @param imageTokenId the placeholder that the visual tokens replace
 * @param withImage false for a question about nothing seen
 * @throws UsageError when the question is empty or holds the placeholder itself
 * @throws NuwaError when the template does not place the image exactly once
 */
export function buildPrompt(
  template: ChatTemplate,
  tokenizer: Tokenizer,
  imageTokenId: number,
  question: string,
  withImage = true,
): Prompt {
  const placeholder = placeholderOf(tokenizer, imageTokenId);
  const marker = placeholder ?? "<image>";
  if (question.trim() === "") throw new UsageError("the question is empty. Ask something about the image.");
  if (question.includes(marker))
    throw new UsageError(`the question holds "${marker}", which stands for the image. Leave it out.`);

  const content = [...(withImage ? [{ type: "image" } as const] : []), { type: "text", text: question } as const];
  const text = template.render([{ role: "user", content }], marker);
  const parts = text.split(marker);
  const images = withImage ? 1 : 0;
  if (parts.length - 1 !== images) {
    throw new NuwaError(
      `${template.origin}: the chat template writes "${marker}" ${parts.length - 1} times instead of ${images}. Mend it, or remove it to use LLaVA-1.5's prompt.`,
    );
  }
  const ids =
    placeholder === undefined && withImage
      ? [...encodeStart(tokenizer, parts[0]), imageTokenId, ...tokenizer.encode(parts[1], false)]
      : encodeStart(tokenizer, text);
  return { ids, text };
}

/** The text that the tokenizer turns into the image token, if there is such a text. */
function placeholderOf(tokenizer: Tokenizer, imageTokenId: number): string | undefined {
  const text = tokenizer.tokenOf(imageTokenId);
  if (text === undefined) return undefined;
  const ids = tokenizer.encode(text, false);
  return ids.length === 1 && ids[0] === imageTokenId ? text : undefined;
}

/** Token ids with the sequence's first token in front, once, also where the template writes it itself. */
function encodeStart(tokenizer: Tokenizer, text: string): number[] {
  const plain = tokenizer.encode(text, false);
  const [first] = tokenizer.encode("", true);
  return plain.length > 0 && plain[0] === first ? plain : tokenizer.encode(text, true);
}
