import { closeSync, existsSync, readSync } from "node:fs";
import { openInput } from "../../io/opening.ts";

/** Bytes that are read at a time. */
const CHUNK = 2 ** 16;

/**
 * Counts the lines of a file that another process adds to. Each count reads only what follows the last whole
 * line of the one before; a last line that is not finished may be truncated meanwhile.
 *
 * @returns the count: 0 as long as there is no file; it throws a NuwaError where something else is there
 */
export function lineCounter(path: string): () => number {
  const chunk = Buffer.alloc(CHUNK);
  let lines = 0;
  let behindLast = 0;
  return () => {
    if (!existsSync(path)) return lines;
    const { file } = openInput(path);
    try {
      let at = behindLast;
      for (let read = readSync(file, chunk, 0, CHUNK, at); read > 0; read = readSync(file, chunk, 0, CHUNK, at)) {
        for (let i = chunk.indexOf(10); i >= 0 && i < read; i = chunk.indexOf(10, i + 1)) {
          lines++;
          behindLast = at + i + 1;
        }
        at += read;
      }
    } finally {
      closeSync(file);
    }
    return lines;
  };
}
