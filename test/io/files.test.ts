import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { checkSchema } from "../../src/core/schema.ts";
import { fileSize, readBytes, readJson, readText, writeAtomically } from "../../src/io/files.ts";
import { refusal, scratchFolder } from "./scratch.ts";

const folder = scratchFolder();

describe("writeAtomically", () => {
  it("writes all chunks, making folders on the way and replacing an old file", () => {
    const path = join(folder, "new", "deep", "file");
    writeAtomically(path, "old, and longer than the new one");
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string({ unit: "grapheme" }), fc.uint8Array())), (chunks) => {
        writeAtomically(path, ...chunks);
        expect(readFileSync(path).equals(Buffer.concat(chunks.map((chunk) => Buffer.from(chunk as string))))).toBe(
          true,
        );
      }),
      { numRuns: 30 },
    );
    expect(readdirSync(join(folder, "new", "deep"))).toEqual(["file"]);
  });

  it("leaves the old file and nothing else when writing fails half-way", () => {
    const inside = join(folder, "half");
    const path = join(inside, "file");
    writeAtomically(path, "old");
    // What is not bytes fails inside writeSync, after the first chunk has gone out.
    expect(refusal(() => writeAtomically(path, "new", { length: 1 } as unknown as Uint8Array))).toContain(path);
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(readdirSync(inside)).toEqual(["file"]);
  });

  it("leaves nothing when the name belongs to a folder", () => {
    const inside = join(folder, "taken");
    mkdirSync(join(inside, "name"), { recursive: true });
    expect(refusal(() => writeAtomically(join(inside, "name"), "text"))).toMatch(/cannot be written \(E/);
    expect(readdirSync(inside)).toEqual(["name"]);
  });

  it("says which path is impossible", () => {
    writeFileSync(join(folder, "plain"), "");
    for (const path of [join(folder, "plain", "below"), join(folder, "nul\0byte"), join(folder, "x".repeat(300))])
      expect(refusal(() => writeAtomically(path, "text"))).toMatch(/cannot be written \(.+\)\. Check/);
  });
});

describe("reading", () => {
  it("names what is missing, not a file, or too large", () => {
    const path = join(folder, "ten");
    writeFileSync(path, "0123456789");
    expect([fileSize(path), readText(path, 10), readBytes(path, 10).length]).toEqual([10, "0123456789", 10]);
    expect(refusal(() => readText(path, 9))).toBe(`${path}: 10 bytes, more than the 9 allowed for this kind of file.`);
    expect(refusal(() => readText(join(folder, "none"), 9))).toMatch(
      /none: cannot be read \(ENOENT.*\)\. Check the path\./,
    );
    expect(refusal(() => fileSize(folder))).toMatch(/is not a file/);
    expect(refusal(() => fileSize(join(folder, "nul\0byte")))).toMatch(/cannot be read/);
  });

  it("names the file and the first wrong field of a JSON file", () => {
    const path = join(folder, "some.json");
    const schema = z.object({ a: z.object({ list: z.array(z.number()) }) });
    const read = (text: string) => {
      writeFileSync(path, text);
      return readJson(path, schema, 100);
    };
    expect(read('{"a":{"list":[1,2]}}')).toEqual({ a: { list: [1, 2] } });
    expect(refusal(() => read('{"a":{"list":[1,"2"]}}'))).toMatch(/some\.json: field "a\.list\.1": .*number/);
    expect(refusal(() => read("[]"))).toMatch(/some\.json: .*object/);
    for (const text of ["", "{", '{"a":NaN}', "\0\0", '{"a"\n:\n1,}', "ab\nxyz"])
      expect(refusal(() => read(text))).toMatch(/is not JSON/);
    expect(refusal(() => read(`{${" ".repeat(100)}}`))).toMatch(/102 bytes, more than the 100/);
  });

  it("names the place where a value breaks a schema", () => {
    expect(refusal(() => checkSchema("somewhere", null, z.object({})))).toMatch(/^somewhere: [^"]+\.$/);
  });

  it("says what helps, unless the schema does", () => {
    const schema = z.object({ a: z.number(), b: z.literal(3, { message: "only 3 is supported" }) });
    const refused = (value: unknown, ...remedy: string[]) => refusal(() => checkSchema("x", value, schema, ...remedy));
    expect(refused({ b: 4 })).toBe(
      'x: field "a": Invalid input: expected number, received undefined. Mend it, or get the file anew from where it came.',
    );
    expect(refused({ a: "1" }, "Ask again.")).toMatch(/^x: field "a": .* received string\. Ask again\.$/);
    expect(refused({ a: 1, b: 4 })).toBe('x: field "b": only 3 is supported.');
  });
});
