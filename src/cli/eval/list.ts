import { printable, printableJson } from "../../core/errors.ts";
import { batchesOf, parseShard, shardOf } from "../../eval/run/plan.ts";
import type { Item } from "../../eval/tasks/item.ts";
import type { EvalOptions } from "./run.ts";

/** A question as `nuwa eval --list --json` writes it. */
interface Listed extends Pick<Item, "task" | "id" | "family"> {
  /** A path, or what the picture is drawn or read from. */
  readonly picture: string;
  readonly prompt: string;
  readonly accepted: readonly string[];
}

/**
 * Prints what an evaluation would ask, question by question, without a model: the files of the tasks are read as
 * the evaluation reads them, the pictures are not.
 *
 * @param json as a JSON array, one question a line
 * @throws NuwaError naming the file of a benchmark that is wrong
 */
export function listQuestions(
  { shard, ...plan }: Pick<EvalOptions, "tasks" | "split" | "seed" | "limit" | "data" | "shard">,
  json: boolean,
): void {
  const all = batchesOf({ ...plan, settings: [] });
  const items = (shard === undefined ? all : shardOf(all, parseShard(shard))).flatMap((batch) => batch.items);
  const write = (text: string) => process.stdout.write(text);
  if (!json) {
    for (const item of items) write(asText(listed(item)));
    return;
  }
  let before = "[\n";
  for (const item of items) {
    write(`${before}${printableJson(listed(item))}`);
    before = ",\n";
  }
  write(items.length === 0 ? "[]\n" : "\n]\n");
}

function listed(item: Item): Listed {
  const { task, id, family, question, expected, accepted = [expected] } = item;
  return { task, id, family, picture: item.pictureName(), prompt: question, accepted };
}

function asText({ task, id, family, picture, prompt, accepted }: Listed): string {
  const lines = printable(prompt).split("\n");
  return [
    oneLine(family === "all" ? `${task} ${id}` : `${task} ${id} (${family})`),
    `  picture   ${oneLine(picture)}`,
    `  prompt    ${lines.join("\n            ")}`,
    `  accepted  ${accepted.map(oneLine).join(" | ")}\n\n`,
  ].join("\n");
}

function oneLine(text: string): string {
  return printable(text).replaceAll("\n", "\\n").replaceAll("\t", "\\t");
}
