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
    expect(refusal(() => writeAtomically(join(inside, "name"), "text"))).toMatch(/cannot be written \(it is a folder/);
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
      'x: field "a": must be a number, but is missing. Mend it, or get the file anew from where it came.',
    );
    expect(refused({ a: "1" }, "Ask again.")).toBe('x: field "a": must be a number, not "1". Ask again.');
    expect(refused({ a: 1, b: 4 })).toBe('x: field "b": only 3 is supported.');
  });

  const count = z.number().int().positive().max(9);
  const pair = z.tuple([count, count]);
  it.each<[z.ZodType, unknown, string]>([
    [count, 0, "must be more than 0, not 0"],
    [count, 10, "must be at most 9, not 10"],
    [count, 1.5, "must be a whole number, not 1.5"],
    [z.number().min(1), 0, "must be at least 1, not 0"],
    [z.boolean(), null, "must be true or false, not null"],
    [z.object({}), [], "must be an object, not []"],
    [z.array(count).min(1), [], "must be a list of at least 1 entry, not []"],
    [pair, [1], "must be a list of 2 entries, not [1]"],
    [z.string().min(1), "", 'must be a text of at least 1 character, not ""'],
    [z.string().regex(/^a+$/), "b", 'must be a text that matches /^a+$/, not "b"'],
    [z.enum(["a", "b"]), "c", 'must be "a" or "b", not "c"'],
    [z.strictObject({}), { b: 1 }, 'has unknown fields: "b"'],
    [z.union([count, pair]), "a", 'must be a number or a list, not "a"'],
    [z.union([count, pair]), [1, "a"], 'must be a number or a value with a number at "1", not [1,"a"]'],
    [z.string(), () => 1, "must be a text, not a function"],
  ])("says what a value must be, and what it is, not what zod calls it (%#)", (schema, value, message) => {
    expect(refusal(() => checkSchema("x", value, schema, ""))).toBe(`x: ${message}. `);
  });
});
