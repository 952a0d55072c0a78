import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readPickle } from "../../src/io/pickle.ts";
import { openSafetensors } from "../../src/io/safetensors.ts";
import { fixture, refusal, scratchFolder, writeRaw } from "./scratch.ts";

/** What Python's readers make of odd files: test/fixtures/file_cases.py. */
const casesOf = (name: string) => JSON.parse(readFileSync(fixture("files", name), "utf8"));
const path = join(scratchFolder(), "file");
const bytesOf = (base64: string) => Buffer.from(base64, "base64");
const sized = (header: Buffer, data: number) => {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  writeFileSync(path, Buffer.concat([length, header, Buffer.alloc(data)]));
};

it("a safetensors header is read, or refused, as by the reference implementation", () => {
  for (const { header, data, tensors } of casesOf("safetensors.json")) {
    const [text, label] = [bytesOf(header), bytesOf(header).toString()];
    sized(text, data);
    if (tensors === null)
      expect(
        refusal(() => openSafetensors(path)),
        label,
      ).toContain(path);
    else {
      const read = [...openSafetensors(path).entries.values()].map(({ name, dtype, shape, begin, end }) => {
        return [name, dtype, shape, end - begin];
      });
      // Sizes beyond 2^53, which only tensors without elements can have, are doubles here.
      const expected = tensors.map(([name, dtype, shape, size]: [string, string, string[], number]) => {
        return [name, dtype, shape.map(Number), size];
      });
      expect(read.sort(), label).toEqual(expected.sort());
    }
  }
});

it("a pickle is read as by Python, or refused", () => {
  let refused = 0;
  for (const { pickle, value } of casesOf("pickles.json")) {
    writeFileSync(path, bytesOf(pickle));
    let read: unknown[] | null = null;
    try {
      read = [readPickle(path, 2 ** 20)];
    } catch (error) {
      expect((error as Error).message).toContain("is not a pickle of plain data");
      if (value !== null) refused++;
    }
    if (read) expect(read, bytesOf(pickle).toString("latin1")).toEqual(value);
  }
  // Forms that Python reads and does not write: octal escapes, 0x1, 007, +1, POP, DUP.
  expect(refused).toBeLessThanOrEqual(16);
});

describe("what is small in the file and large in memory is refused", () => {
  it.each([
    ["a header of brackets", "[".repeat(1e6), /stand inside each other/],
    ["a header of empty objects", `{"a":[${"{},".repeat(2e6)}0]}`, /holds more than \d+ values/],
  ])("%s", (_, header, message) => {
    expect(refusal(() => openSafetensors(writeRaw(path, header)))).toMatch(message);
  });

  it("a pickle that recalls its lists into ever larger ones", () => {
    // Each list holds the one before ten times: 10^9 values in 400 bytes.
    const level = (i: number) => `](${`h${String.fromCharCode(i)}`.repeat(10)}eq${String.fromCharCode(i + 1)}`;
    writeFileSync(path, Buffer.from(`]q\0${Array.from({ length: 9 }, (_, i) => level(i)).join("")}.`, "latin1"));
    expect(refusal(() => readPickle(path, 2 ** 20))).toMatch(/repeats parts of itself/);
    // A list that holds itself.
    writeFileSync(path, Buffer.from("]q\0h\0a.", "latin1"));
    expect(refusal(() => readPickle(path, 2 ** 20))).toMatch(/inside each other|repeats parts/);
    writeFileSync(path, Buffer.from(`${"]".repeat(1e6)}.`));
    expect(refusal(() => readPickle(path, 2 ** 20))).toMatch(/makes more than/);
  });
});
