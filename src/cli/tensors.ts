import { statSync } from "node:fs";
import { basename } from "node:path";
import type { Command } from "commander";
import { printable, printableJson } from "../core/errors.ts";
import { shownName } from "../core/schema.ts";
import { safetensorsFiles } from "../io/checkpoint.ts";
import { openSafetensors, type SafetensorsFile } from "../io/safetensors.ts";

/** `nuwa tensors`: names, dtypes, shapes and files of the tensors of a file or a checkpoint folder; headers alone. */
export function addTensors(program: Command): void {
  program
    .command("tensors")
    .description("list the tensors of a safetensors file or a checkpoint folder; reads no weights")
    .argument("<path>", "safetensors file, or a folder with model.safetensors or its shards and their index")
    .option("--json", "as a JSON array of {name, dtype, shape, file}")
    .action((path: string, { json }: { json?: boolean }) => {
      const tensors = filesAt(path).flatMap((file) =>
        [...file.entries.values()].map(({ name, dtype, shape }) => ({ name, dtype, shape, file: basename(file.path) })),
      );
      if (json) {
        process.stdout.write(`${printableJson(tensors, 2)}\n`);
        return;
      }
      for (const { name, dtype, shape, file } of tensors)
        process.stdout.write(`${shownName(name)}  ${dtype}  [${shape.join(", ")}]  ${printable(file)}\n`);
    });
}

function filesAt(path: string): SafetensorsFile[] {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? safetensorsFiles(path) : [openSafetensors(path)];
}
