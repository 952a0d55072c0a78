import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { LimitError, NuwaError } from "../core/errors.ts";
import { shownName } from "../core/schema.ts";
import type { ChatTemplate } from "../pipeline/processor.ts";
import { readJson, readText, reasonOf } from "./files.ts";
import { openEngine } from "./sandbox/host.ts";

/** Templates are programs: a small limit keeps them to what a person can have written. */
const MAX_TEMPLATE_BYTES = 64 * 2 ** 10;

const byName = z.record(z.string(), z.string());
const named = z.array(z.strictObject({ name: z.string(), template: z.string() }));
/** One template, or several by their names. */
const templates = z.union([z.string(), byName, named.transform((list) => namedTemplates(list))]).nullish();
type Templates = z.infer<typeof templates>;

const templateFile = z.object({ chat_template: z.union([z.string(), byName]).nullable() });
const processorConfig = z.looseObject({ chat_template: z.union([z.string(), byName]).nullish() });
const token = z.union([z.string(), z.looseObject({ content: z.string() })]).nullish();
const SPECIAL_TOKENS = [
  "bos_token",
  "eos_token",
  "unk_token",
  "sep_token",
  "pad_token",
  "cls_token",
  "mask_token",
] as const;
const tokenizerConfig = z.looseObject({
  chat_template: templates,
  ...(Object.fromEntries(SPECIAL_TOKENS.map((name) => [name, token])) as Record<
    (typeof SPECIAL_TOKENS)[number],
    typeof token
  >),
});

/** What {@link ChatTemplate.origin} says of the family's own prompt. */
export const OWN_PROMPT = "the family's own prompt";

/**
 * The chat template of a checkpoint folder, found where transformers 5.18 looks: its processor takes that of
 * `processor_config.json`, `chat_template.json`, or `chat_template.jinja` with `additional_chat_templates/`; where it
 * has none, its tokenizer takes that of `tokenizer_config.json`. Templates are rendered in a worker thread with limits
 * of time and memory.
 *
 * @param own that of the model's family, used where the folder has none
 * @throws NuwaError naming the file when it is too large, is not a template, is empty, or has several without a default
 */
export function loadChatTemplate(directory: string, own: string): ChatTemplate {
  const configPath = join(directory, "tokenizer_config.json");
  const config = existsSync(configPath) ? readJson(configPath, tokenizerConfig) : {};
  const found = processorTemplates(directory) ?? { origin: configPath, written: config.chat_template };
  const { origin, source } =
    found.written === undefined || found.written === null
      ? { origin: OWN_PROMPT, source: own }
      : { origin: found.origin, source: defaultOf(found.origin, found.written) };
  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw new (error instanceof LimitError ? LimitError : NuwaError)(
        `${origin}: the chat template fails (${reasonOf(error)}). Mend it, or remove it to use the family's ` +
          "own prompt.",
      );
    }
  };
  const engine = guarded(() => openEngine("template", { source }));
  const special = SPECIAL_TOKENS.flatMap((name) => {
    const value = config[name];
    return value === undefined || value === null ? [] : [[name, typeof value === "string" ? value : value.content]];
  });
  const variables = { tools: null, documents: null, ...Object.fromEntries(special) };
  return {
    origin,
    render: (messages, imageToken = "<image>") =>
      guarded(() => {
        const all = { ...variables, messages, image_token: imageToken, add_generation_prompt: true };
        return engine.call("render", all) as string;
      }),
  };
}

interface Found {
  readonly origin: string;
  readonly written: Templates;
}

/** The templates of transformers' processor. @returns undefined where it has none */
function processorTemplates(directory: string): Found | undefined {
  const path = (name: string) => join(directory, name);
  const config = path("processor_config.json");
  const inConfig = existsSync(config) ? readJson(config, processorConfig).chat_template : undefined;
  if (inConfig !== undefined && inConfig !== null) return { origin: config, written: inConfig };
  const others = additionalTemplates(path("additional_chat_templates"));
  const [json, jinja] = [path("chat_template.json"), path("chat_template.jinja")];
  if (existsSync(json)) {
    if (Object.keys(others).length > 0)
      throw new NuwaError(
        `${json}: stands beside additional_chat_templates, which transformers refuses. Make it a chat_template.jinja.`,
      );
    const written = readJson(json, templateFile).chat_template;
    return written === null ? undefined : { origin: json, written };
  }
  if (existsSync(jinja)) return { origin: jinja, written: readText(jinja, MAX_TEMPLATE_BYTES) };
  if (Object.keys(others).length > 0) return { origin: path("additional_chat_templates"), written: others };
  return undefined;
}

/** Templates of a folder, by their names. */
function additionalTemplates(folder: string): Record<string, string> {
  if (!existsSync(folder)) return {};
  const files = readdirSync(folder).filter((name) => name.endsWith(".jinja"));
  return Object.fromEntries(
    files.map((name) => [basename(name, ".jinja"), readText(join(folder, name), MAX_TEMPLATE_BYTES)]),
  );
}

/** The template that is used, with line ends as Python reads them. */
function defaultOf(origin: string, written: NonNullable<Templates>): string {
  const source = typeof written === "string" ? written : written.default;
  if (source === undefined)
    throw new NuwaError(
      `${origin}: has chat templates (${namesOf(Object.keys(written))}), but none called "default". ` +
        "Name one of them so.",
    );
  if (source.trim() === "") throw new NuwaError(`${origin}: the chat template is empty. Mend it, or remove it.`);
  if (source.length > MAX_TEMPLATE_BYTES)
    throw new NuwaError(`${origin}: the chat template is longer than the ${MAX_TEMPLATE_BYTES} characters allowed.`);
  return source.replace(/\r\n?/g, "\n");
}

/** Those of its templates that an error names. */
function namesOf(names: readonly string[]): string {
  return names.slice(0, 8).map(shownName).join(", ") || "none";
}

function namedTemplates(list: z.infer<typeof named>): Record<string, string> {
  return Object.fromEntries(list.map(({ name, template }) => [name, template]));
}
