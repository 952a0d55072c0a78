import type { Command } from "commander";
import { loadTokenizer } from "../io/tokenizer.ts";

/** `nuwa tokenize`: token ids of a text as a JSON array on stdout. */
export function addTokenize(program: Command): void {
  program
    .command("tokenize")
    .description("print the token ids of a text as a JSON array")
    .requiredOption("--model <folder>", "folder with tokenizer.json")
    .requiredOption("--text <text>", "text to encode, special tokens added as the model expects them")
    .action(({ model, text }: { model: string; text: string }) => {
      process.stdout.write(`${JSON.stringify(loadTokenizer(model).encode(text, true))}\n`);
    });
}
