import { existsSync } from "node:fs";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { Template } from "@huggingface/jinja";
import { z } from "zod";
import { NuwaError } from "../core/errors.ts";
import type { ChatTemplate } from "../pipeline/processor.ts";
import { readJson, readText, reasonOf } from "./files.ts";

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
