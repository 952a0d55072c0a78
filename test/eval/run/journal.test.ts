import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openJournal } from "../../../src/eval/run/journal.ts";
import { refusal, scratchFolder } from "../../io/scratch.ts";

const root = scratchFolder();

it.each([
  ["options.json", "of no JSON", "no JSON"],
  ["options.json", "of these options", "{}"],
  ["options.json", "that is not there", undefined],
  ["samples.jsonl", "of no answers", ""],
])("a journal is not opened where %s is a link to a file %s", (name, what, text) => {
  const [elsewhere, folder] = [join(root, `${name} ${what}`), join(root, `folder ${name} ${what}`)];
  if (text !== undefined) writeFileSync(elsewhere, text);
  openJournal(folder, {});
  rmSync(join(folder, name), { force: true });
  symlinkSync(elsewhere, join(folder, name));
  expect(refusal(() => openJournal(folder, {}))).toBe(
    `${join(folder, name)}: cannot be written (it is a link, not a file). Remove it, or choose another place.`,
  );
});
