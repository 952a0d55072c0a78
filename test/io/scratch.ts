import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect } from "vitest";
import { NuwaError } from "../../src/core/errors.ts";

/** A folder of its own for a test file, removed after its tests. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "nuwa-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A path below test/fixtures/. Unlike the one in support.ts it does not load tfjs. */
export function fixture(...parts: string[]): string {
  return fileURLToPath(new URL(["../fixtures", ...parts].join("/"), import.meta.url));
}

/** The message of the NuwaError that `work` must throw; it must be one line. */
export function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return lineOf(error);
  }
  return expect.fail("nothing was refused");
}

/** Like {@link refusal} for promises. */
export async function refusalOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => expect.fail("nothing was refused"),
    (reason: unknown) => reason,
  );
  return lineOf(error);
}

function lineOf(error: unknown): string {
  expect(error).toBeInstanceOf(NuwaError);
  const { message } = error as NuwaError;
  expect(message).not.toContain("\n");
  return message;
}

/** Writes a safetensors file with any header and any data. @param header text, or a value to write as JSON */
export function writeRaw(path: string, header: unknown, data: Uint8Array | number = 0, claimed?: bigint): string {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(text.length));
  writeFileSync(path, Buffer.concat([length, text, typeof data === "number" ? Buffer.alloc(data) : data]));
  return path;
}
