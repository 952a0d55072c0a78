import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { forJupyter } from "./cells.ts";
import { pictureDifference, textDifference } from "./compare.ts";
import { printedIn, sourcesIn } from "./ipynb.ts";
import { type Executed, FOLDER, runNotebooks } from "./run.ts";

/** What a notebook prints at its end. */
const ENDING = /^tensors left: 0$/m;

/**
 * Runs notebooks and their solutions, and compares them with what is committed.
 *
 * @returns a line for each thing that is wrong
 */
export async function checkNotebooks(names: readonly string[]): Promise<string[]> {
  const pictures = mkdtempSync(join(tmpdir(), "nuwa-notebooks-"));
  try {
    const wrong = (await runNotebooks(names, pictures)).flatMap(differences);
    for (const file of readdirSync(pictures)) {
      const committed = join(FOLDER, "pictures", file);
      const found = existsSync(committed)
        ? await pictureDifference(readFileSync(committed), readFileSync(join(pictures, file)))
        : "is not committed";
      if (found) wrong.push(`pictures/${file}: ${found}.`);
    }
    return wrong;
  } catch (error) {
    return [`broken: ${(error as Error).message}`];
  } finally {
    rmSync(pictures, { recursive: true });
  }
}

/** How text and output of one file differ from its `.ipynb`. */
function differences({ name, cells, outputs }: Executed): string[] {
  const file = `${name}.ipynb`;
  if (!outputs.some((output) => ENDING.test(output))) return [`${name}: does not end with "tensors left: 0".`];
  const path = join(FOLDER, file);
  const made = existsSync(path) ? readFileSync(path, "utf8") : undefined;
  if (!made || JSON.stringify(sourcesIn(made)) !== JSON.stringify(forJupyter(cells)))
    return [`${file}: was made of another text. Run npm run notebooks.`];
  return printedIn(made).flatMap((committed, cell) => {
    const found = textDifference(committed, outputs[cell]);
    return found ? [`${file}, cell ${cell}: ${found}.`] : [];
  });
}
