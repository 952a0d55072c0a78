import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { floatsOf, OpenFiles } from "../../../src/io/weights/weight-files.ts";
import { scratchFolder } from "../scratch.ts";

const bytesOf = (values: Float32Array | Uint16Array) => new Uint8Array(values.buffer);

describe("floats of a checkpoint", () => {
  it("are float32 whichever of the three types they were", () => {
    const wanted = Float32Array.of(1, -2.5, 0);
    expect(floatsOf("F32", bytesOf(wanted))).toEqual(wanted);
    expect(floatsOf("F16", bytesOf(Uint16Array.of(0x3c00, 0xc100, 0)))).toEqual(wanted);
    expect(floatsOf("BF16", bytesOf(Uint16Array.of(0x3f80, 0xc020, 0)))).toEqual(wanted);
  });

  it("have memory of their own, because what they were read into is used again", () => {
    const source = Float32Array.of(1, 2);
    const found = floatsOf("F32", bytesOf(source));
    source.fill(7);
    expect([...found]).toEqual([1, 2]);
  });
});

describe("files that stay open", () => {
  it("give any part, and refuse what lies behind their end", () => {
    const path = join(scratchFolder(), "file");
    writeFileSync(path, Uint8Array.of(1, 2, 3, 4, 5));
    const files = new OpenFiles();
    expect([...files.read(path, 1, 4)]).toEqual([2, 3, 4]);
    expect([...files.read(path, 4, 5)]).toEqual([5]);
    expect(() => files.read(path, 3, 6)).toThrow(`${path}: ended while being read.`);
    files.close();
  });
});
