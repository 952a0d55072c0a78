import { type Command, Option } from "commander";
import { tapPoints } from "../core/tap-points.ts";
import { readCheckpointJson } from "../io/checkpoint.ts";
import { configOf } from "../io/load.ts";
import { SHIPPED_MODEL } from "./about.ts";
import { requireText } from "./options.ts";

/** `nuwa taps`: every point of a model at which values can be seen or changed. */
export function addTaps(program: Command): void {
  program
    .command("taps")
    .description("list every point of a model's forward pass that --tap can name, with its shape and meaning")
    .addOption(
      new Option("--model <folder>", "checkpoint folder").default(SHIPPED_MODEL, "the one that comes with the project"),
    )
    .option("--json", "as a JSON array")
    .action(({ model, json }: { model: string; json?: boolean }) => {
      const files = readCheckpointJson(requireText("--model", model));
      const config = configOf(files);
      const { visionBlocks, layers } = config.facts;
      const points = tapPoints({ vision: visionBlocks, llm: layers }, files.family.taps(config));
      if (json) {
        process.stdout.write(`${JSON.stringify(points, null, 2)}\n`);
        return;
      }
      const [width, shapes] = [points.map(({ name }) => name), points.map(({ shape }) => shape)].map((column) =>
        Math.max(...column.map(({ length }) => length)),
      );
      for (const { name, shape, meaning } of points)
        process.stdout.write(`${name.padEnd(width)}  ${shape.padEnd(shapes)}  ${meaning}\n`);
    });
}
