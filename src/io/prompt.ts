import { existsSync } from "node:fs";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { Template } from "@huggingface/jinja";
import { z } from "zod";
import { NuwaError } from "../core/errors.ts";
import type { ChatTemplate } from "../pipeline/processor.ts";
import { readJson, readText, reasonOf } from "./files.ts";

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
 * `tokenizer_config.json`, in this order, as transformers does.
 *
 * @param own that of the model's family, used where the folder has none
 * @throws NuwaError naming the file when it is too large or is not a template
 */
export function loadChatTemplate(directory: string, own: string): ChatTemplate {
  const configPath = join(directory, "tokenizer_config.json");
  const config = existsSync(configPath) ? readJson(configPath, tokenizerConfig) : {};
  const { origin, source } = findTemplate(directory, config.chat_template, configPath, own);
  if (source.length > MAX_TEMPLATE_BYTES)
    throw new NuwaError(`${origin}: the chat template is longer than the ${MAX_TEMPLATE_BYTES} characters allowed.`);
  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw new NuwaError(
        `${origin}: the chat template fails (${reasonOf(error)}). Mend it, or remove it to use the family's ` +
          "own prompt.",
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
  own: string,
): { origin: string; source: string } {
  const jinja = join(directory, "chat_template.jinja");
  if (existsSync(jinja)) return { origin: jinja, source: readText(jinja, MAX_TEMPLATE_BYTES) };
  const json = join(directory, "chat_template.json");
  if (existsSync(json)) return { origin: json, source: readJson(json, templateFile).chat_template };
  const source = Array.isArray(inConfig) ? inConfig.find(({ name }) => name === "default")?.template : inConfig;
  return source ? { origin: configPath, source } : { origin: "the family's own prompt", source: own };
}

/** tokenizer_config.json writes a token as a string or as an object with its properties. */
function textOf(value: z.infer<typeof token>): string {
  return typeof value === "string" ? value : (value?.content ?? "");
}
