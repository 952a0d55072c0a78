import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { NuwaError } from "../../src/core/errors.ts";

/** The list of the parts with their checksums, in the format of `sha256sum`. */
export const CHECKSUMS = "parts.sha256";

/** How much is compressed at a time. */
const BLOCK = 2 ** 23;

/** What was written. */
export interface Parts {
  readonly names: readonly string[];
  /** All parts together. */
  readonly bytes: number;
}

/**
 * Packs a folder into parts of a limited size, `NAME.tar.gz.000` and so on, with the list of their checksums.
 * Every block is compressed by itself, on all cores, and never lies in two parts. So each part is a file that
 * gzip can read alone, and all of them in their order are one archive.
 *
 * @param folder below which `name` lies
 * @param limit largest size of a part in bytes; more than 8 MiB, which a block may take
 * @throws NuwaError when tar fails
 */
export async function writeParts(folder: string, name: string, out: string, limit: number): Promise<Parts> {
  const names: string[] = [];
  const lines: string[] = [];
  let bytes = 0;
  let part = openPart();
  for await (const block of compressed(tarBlocks(folder, name))) {
    if (part.bytes > 0 && part.bytes + block.length > limit) {
      closePart();
      part = openPart();
    }
    part.write(block);
  }
  closePart();
  writeFileSync(join(out, CHECKSUMS), lines.join(""));
  return { names, bytes };

  function openPart() {
    const file = `${name}.tar.gz.${String(names.length).padStart(3, "0")}`;
    names.push(file);
    const descriptor = openSync(join(out, file), "w");
    const hash = createHash("sha256");
    return {
      file,
      descriptor,
      hash,
      bytes: 0,
      write(block: Buffer) {
        for (let at = 0; at < block.length; ) at += writeSync(descriptor, block, at);
        hash.update(block);
        this.bytes += block.length;
      },
    };
  }

  function closePart(): void {
    closeSync(part.descriptor);
    bytes += part.bytes;
    lines.push(`${part.hash.digest("hex")}  ${part.file}\n`);
  }
}

/** The folder as an archive, block by block. Names in it are sorted, so that the same folder gives the same parts. */
async function* tarBlocks(folder: string, name: string): AsyncGenerator<Buffer> {
  const options = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--hard-dereference"];
  const child = spawn("tar", [...options, "-C", folder, "-cf", "-", name], { stdio: ["ignore", "pipe", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<number | null>((resolve) => {
    child.on("error", (error) => {
      stderr = error.message;
      resolve(null);
    });
    child.on("close", resolve);
  });
  let pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of child.stdout as AsyncIterable<Buffer>) {
    pieces.push(piece);
    length += piece.length;
    if (length < BLOCK) continue;
    const all = Buffer.concat(pieces);
    yield all.subarray(0, BLOCK);
    pieces = [all.subarray(BLOCK)];
    length -= BLOCK;
  }
  if (length > 0) yield Buffer.concat(pieces);
  if ((await ended) !== 0) throw new NuwaError(`tar cannot pack ${name} (${stderr.trim().split("\n")[0]}).`);
}

/** Compresses blocks, as many at a time as there are cores, and gives them back in their order. */
async function* compressed(blocks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const waiting: Promise<Buffer>[] = [];
  const compress = promisify(gzip);
  for await (const block of blocks) {
    waiting.push(compress(block));
    if (waiting.length > availableParallelism()) yield (await waiting.shift()) as Buffer;
  }
  for (const result of waiting) yield await result;
}
