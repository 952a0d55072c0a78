import { join } from "node:path";
import { expect, it } from "vitest";
import { whileLocked } from "../../src/io/lock.ts";
import { fixturePath } from "../support.ts";
import { listing, nuwa, temporaryFolder } from "./support.ts";

const WIDE = ["--model", fixturePath("wide")];

/** `nuwa eval` of one process, and `nuwa fetch`, are tried in test/eval/run/harness and test/io/hub/hostile. */
it.each([
  ["train", ["train", "--recipe", "tiny", "--backend", "wasm"]],
  ["tune", ["tune", "--steps", "1", "--backend", "wasm"]],
  ["ask", ["ask", "picture.png", "What?", "--backend", "wasm", ...WIDE]],
  ["compare", ["compare", "picture.png", "What?", "--methods", "nuwa,fastv", "--backend", "wasm", ...WIDE]],
  ["eval by workers", ["eval", "--workers", "2", ...WIDE]],
  ["eval merge", ["eval", "merge", "shard-1", "shard-2"]],
])("nuwa %s writes nothing into a folder that other work holds", async (_, argv) => {
  const folder = temporaryFolder();
  let end: () => void = () => undefined;
  const other = whileLocked(
    folder,
    () =>
      new Promise<void>((done) => {
        end = done;
      }),
  );
  const { code, out, err } = await nuwa(...argv, "--out", folder);
  expect([code, out, err]).toEqual([
    1,
    // Nothing was begun.
    "",
    `nuwa: ${folder}: process ${process.pid} is writing there. Wait for its end or give another folder; if it is no ` +
      `longer running, remove ${join(folder, "nuwa.lock")}.\n`,
  ]);
  expect(listing(folder)).toEqual(["nuwa.lock"]);
  end();
  await other;
});
