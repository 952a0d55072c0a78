import { spawnSync } from "node:child_process";
import { linkSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openJournal } from "../../src/eval/run/journal.ts";
import { fileSize, readBytes, requireWritableFile, writeAtomically } from "../../src/io/files.ts";
import { makeTemporary, removeTemporary } from "../../src/io/leftovers.ts";
import { appendText, cutFile, openInput, streamInput } from "../../src/io/opening.ts";
import { openSafetensors } from "../../src/io/safetensors.ts";
import { temporaryFolder } from "../cli/support.ts";
import { refusal } from "./scratch.ts";

/** A pipe that nobody writes into: to open it as a file is opened would never end. */
function pipeIn(folder: string): string {
  const path = join(folder, "pipe");
  expect(spawnSync("mkfifo", [path]).status).toBe(0);
  return path;
}

async function streamed(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe("reading", () => {
  it("refuses a pipe, a device and a folder at once, and reads through links to files", () => {
    const folder = temporaryFolder();
    const pipe = pipeIn(folder);
    const [file, link, away] = ["file", "link", "away"].map((name) => join(folder, name));
    writeFileSync(file, "content");
    symlinkSync(file, link);
    symlinkSync(pipe, away);
    for (const read of [fileSize, openInput, streamInput, openSafetensors, (path: string) => readBytes(path, 10)]) {
      expect(refusal(() => read(pipe))).toBe(`${pipe}: is not a file but a pipe. Check the path.`);
      expect(refusal(() => read(away))).toBe(`${away}: is not a file but a pipe. Check the path.`);
      expect(refusal(() => read("/dev/zero"))).toBe("/dev/zero: is not a file but a device. Check the path.");
      expect(refusal(() => read(folder))).toBe(`${folder}: is not a file but a folder. Check the path.`);
    }
    expect(readBytes(link, 10).toString()).toBe("content");
  });

  it("streams a file as it was, and an empty one", async () => {
    const path = join(temporaryFolder(), "file");
    for (const text of ["", "content"]) {
      writeFileSync(path, text);
      expect(await streamed(streamInput(path))).toBe(text);
      // Also where it grows before it is read.
      const stream = streamInput(path);
      appendText(path, "more");
      expect(await streamed(stream)).toBe(text);
    }
  });
});

describe("writing", () => {
  it("leaves alone what a link, a second name, a pipe or a device in the place of a file leads to", () => {
    const folder = temporaryFolder();
    const victim = join(temporaryFolder(), "victim");
    writeFileSync(victim, "precious");
    const [link, nowhere, twin] = ["link", "nowhere", "twin"].map((name) => join(folder, name));
    symlinkSync(victim, link);
    symlinkSync(`${victim}-new`, nowhere);
    linkSync(victim, twin);
    const pipe = pipeIn(folder);
    const before = readdirSync(folder);
    for (const write of [
      (path: string) => writeAtomically(path, "text"),
      (path: string) => appendText(path, "text"),
      (path: string) => cutFile(path, 1),
      requireWritableFile,
    ]) {
      for (const path of [link, nowhere]) expect(refusal(() => write(path))).toMatch(/\(it is a link, not a file\)/);
      expect(refusal(() => write(pipe))).toMatch(/pipe: cannot be written \(it is a pipe, not a file\)/);
      expect(refusal(() => write("/dev/null"))).toMatch(/null: cannot be written \(it is a device, not a file\)/);
    }
    for (const write of [(path: string) => appendText(path, "text"), (path: string) => cutFile(path, 1)])
      expect(refusal(() => write(twin))).toMatch(/twin: cannot be written \(the same file has 2 names\)/);
    expect(readdirSync(folder)).toEqual(before);
    // What is put in its place is another file.
    writeAtomically(twin, "text");
    expect(readFileSync(victim, "utf8")).toBe("precious");
  });

  it("into a folder that the user named by a link is writing into the folder", () => {
    const folder = temporaryFolder();
    const link = join(temporaryFolder(), "link");
    symlinkSync(folder, link);
    writeAtomically(join(link, "file"), "text");
    expect(readFileSync(join(folder, "file"), "utf8")).toBe("text");
  });

  it("of a journal refuses a link, a pipe or a second name before the first answer", () => {
    const folder = temporaryFolder();
    symlinkSync(join(folder, "elsewhere"), join(folder, "samples.jsonl"));
    expect(refusal(() => openJournal(folder, {}))).toMatch(/samples\.jsonl: cannot be written \(it is a link/);
    const [other, victim] = [temporaryFolder(), join(temporaryFolder(), "victim")];
    writeFileSync(victim, "");
    openJournal(other, {});
    linkSync(victim, join(other, "samples.jsonl"));
    expect(refusal(() => openJournal(other, {}))).toMatch(/samples\.jsonl: cannot be written \(the same file has 2/);
  });

  it("removes what killed processes have left beside the file", () => {
    const folder = temporaryFolder();
    writeAtomically(join(temporaryFolder(), "file"), "");
    const host = /nuwa-x-\d+-\w+-(\w+)-/.exec(makeTemporary("x"))?.[1];
    const left = `.nuwa-2147483646-1-${host}-${"0".repeat(16)}.part`;
    writeFileSync(join(folder, left), "half");
    writeAtomically(join(folder, "file"), "text");
    expect(readdirSync(folder)).toEqual(["file"]);
  });
});

it("temporary folders of processes that are gone are removed when the next one is made", () => {
  const own = makeTemporary("testing-a");
  const mark = own.slice(own.indexOf("testing-a-") + "testing-a-".length, -6);
  removeTemporary(own);
  const named = (kind: string, owner: string) => join(tmpdir(), `nuwa-${kind}-${owner}abcdef`);
  const gone = named("testing-b", mark.replace(/^\d+/, "2147483646"));
  const others = [named("testing-b", mark), named("testing-c", mark.replace(/^\d+/, "2147483646"))];
  for (const folder of [gone, ...others]) mkdirSync(folder);
  const next = makeTemporary("testing-b");
  const there = readdirSync(tmpdir()).map((name) => join(tmpdir(), name));
  expect([gone, ...others, next].map((folder) => there.includes(folder))).toEqual([false, true, true, true]);
  for (const folder of [...others, next]) removeTemporary(folder);
});
