import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { methodsFingerprint } from "../../../src/eval/run/fingerprint.ts";
import { newFolder, removeFolders } from "../support.ts";

afterAll(removeFolders);

it("the fingerprint of method files changes with what is in them, and there is none without files", async () => {
  const path = join(newFolder(), "mine.mjs");
  const of = async (text: string) => {
    writeFileSync(path, text);
    return methodsFingerprint([path]);
  };
  const first = await of("export default 1;");
  expect(first).toMatch(/^[0-9a-f]{64}$/);
  expect(await of("export default 2;")).not.toBe(first);
  expect(await of("export default 1;")).toBe(first);
  expect(await methodsFingerprint([])).toBeUndefined();
});
