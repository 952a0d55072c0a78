import { basename } from "node:path";
import type { Command } from "commander";
import { printable, printableJson } from "../core/errors.ts";
import { readCheckpointJson } from "../io/checkpoint.ts";
import { configOf } from "../io/load.ts";
import { loadChatTemplate } from "../io/prompt.ts";
import { loadTokenizer } from "../io/tokenizer.ts";
import { buildPrompt, type ChatTemplate } from "../pipeline/processor.ts";

interface PromptOptions {
  readonly model: string;
  readonly question: string;
  readonly json?: boolean;
}

/** `nuwa prompt`: what a model is given for a question about one image. Its weights need not be there. */
export function addPrompt(program: Command): void {
  program
    .command("prompt")
    .description("print the prompt of a question about an image: its text, its template's origin, its token ids")
    .requiredOption("--model <folder>", "checkpoint folder; its weights are not read and may be missing")
    .requiredOption("--question <text>", "question about one image")
    .option("--json", "as JSON: text, origin, ids, where the image is one id")
    .action(printPrompt);
}

function printPrompt({ model, question, json }: PromptOptions): void {
  const files = readCheckpointJson(model);
  const template = loadChatTemplate(model, files.family.chatTemplate(files.config));
  const { text, ids } = buildPrompt(template, loadTokenizer(model), configOf(files).imageTokenId, question);
  const origin = promptNamed(template);
  const lines = [`text       ${printableJson(text)}`, `origin     ${origin}`, `ids        ${ids.join(" ")}`];
  process.stdout.write(`${json ? printableJson({ text, origin, ids }) : lines.join("\n")}\n`);
}

/** Where a prompt's template comes from: a file of the checkpoint folder, or the family's own prompt. */
export function promptNamed({ origin }: ChatTemplate): string {
  return printable(basename(origin));
}
