import {
  appendFileSync,
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readSync,
  type Stats,
  statSync,
  writeSync,
} from "node:fs";
import { Readable } from "node:stream";
import { NuwaError } from "../core/errors.ts";

/**
 * Opening files so that what is opened is what was meant. A folder that others may write into can hold a link to a
 * file of ours under the name that we write, or a pipe under one that we read, which never ends.
 */

/** A pipe opens at once, instead of when its other end is there. Windows has neither such flags nor such pipes. */
const AT_ONCE = (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);
const NO_LINK = constants.O_NOFOLLOW ?? 0;

/** A file that is open for reading. */
export interface OpenedInput {
  /** Descriptor, to be closed by who opened it. */
  readonly file: number;
  /** Bytes when it was opened. */
  readonly size: number;
}

/**
 * Opens a file for reading. Links are followed, because checkpoints of the hub's cache are made of them; where they
 * lead there must be a file: a pipe, a terminal or a device such as /dev/zero is refused without being opened.
 *
 * @throws NuwaError when there is none, or something else
 */
export function openInput(path: string): OpenedInput {
  let file: number;
  try {
    requireFile(path, statSync(path));
    file = openSync(path, constants.O_RDONLY | AT_ONCE);
  } catch (error) {
    throw asRefusal(path, error, "cannot be read", "Check the path.");
  }
  try {
    // Once more, of what is open now: another may have been put there meanwhile.
    const status = fstatSync(file);
    requireFile(path, status);
    return { file, size: status.size };
  } catch (error) {
    closeSync(file);
    throw asRefusal(path, error, "cannot be read", "Check the path.");
  }
}

/**
 * The bytes of a file as they were many when it was opened, in pieces.
 *
 * @throws NuwaError as {@link openInput}
 */
export function streamInput(path: string): Readable {
  const { file, size } = openInput(path);
  if (size > 0) return createReadStream(path, { fd: file, end: size - 1 });
  // A stream of the system's gives one byte at least where the file grows meanwhile.
  closeSync(file);
  return Readable.from([]);
}

function requireFile(path: string, status: Stats): void {
  if (!status.isFile()) throw new NuwaError(`${path}: is not a file but ${kindOf(status)}. Check the path.`);
}

function kindOf(status: Stats): string {
  if (status.isFile()) return "a file";
  if (status.isDirectory()) return "a folder";
  if (status.isSymbolicLink()) return "a link";
  if (status.isFIFO()) return "a pipe";
  return status.isSocket() ? "a socket" : "a device";
}

/**
 * Refuses to write where something else than a file of one name is: what is written through a link goes into another
 * file, and so does what is added to a file that has a second name.
 *
 * @param added whether bytes are added to the file that is there, rather than another one put in its place
 * @throws NuwaError naming what is there
 */
export function requireOwnFile(path: string, added = false): void {
  let status: Stats | undefined;
  try {
    status = lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw asRefusal(path, error, "cannot be written", WRITE_REMEDY);
  }
  if (status) requireOwn(path, status, added);
}

function requireOwn(path: string, status: Stats, added: boolean): void {
  if (!status.isFile())
    throw new NuwaError(
      `${path}: cannot be written (it is ${kindOf(status)}, not a file). Remove it, or choose another place.`,
    );
  if (added && status.nlink > 1)
    throw new NuwaError(
      `${path}: cannot be written (the same file has ${status.nlink} names). Put a copy in its place.`,
    );
}

/**
 * Refuses a folder of ours inside another that is a link: it would lead what is written out of it.
 *
 * @throws NuwaError
 */
export function requireOwnFolder(path: string): void {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status && !status.isDirectory())
    throw new NuwaError(
      `${path}: cannot be written (it is ${kindOf(status)}, not a folder). Remove it, or choose another place.`,
    );
}

/**
 * Opens a file whose bytes are changed where it lies, and makes it where it is not there.
 *
 * @param flags of O_WRONLY, O_RDWR, O_APPEND and O_CREAT
 * @throws NuwaError when something else is there, see {@link requireOwnFile}, or the system refuses
 */
export function openOwn(path: string, flags: number): number {
  requireOwnFile(path, true);
  let file: number;
  try {
    file = openSync(path, flags | AT_ONCE | NO_LINK);
  } catch (error) {
    throw asRefusal(path, error, "cannot be written", WRITE_REMEDY);
  }
  try {
    requireOwn(path, fstatSync(file), true);
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/** Adds text to the end of a file, which is made where it is not there. @throws NuwaError as {@link openOwn} */
export function appendText(path: string, text: string): void {
  changed(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT, (file) => appendFileSync(file, text));
}

/** Cuts a file off behind so many bytes. @throws NuwaError as {@link openOwn} */
export function cutFile(path: string, bytes: number): void {
  changed(path, constants.O_WRONLY, (file) => ftruncateSync(file, bytes));
}

function changed(path: string, flags: number, change: (file: number) => void): void {
  const file = openOwn(path, flags);
  try {
    change(file);
  } catch (error) {
    throw asRefusal(path, error, "cannot be written", WRITE_REMEDY);
  } finally {
    closeSync(file);
  }
}

/** `writeSync` may write less than it was given (signals, chunks over 2 GiB, a full disk): repeat until all is out. */
export function writeWhole(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; )
    done += writeSync(file, bytes, done, Math.min(bytes.length - done, 2 ** 30));
}

/** The bytes [begin, end) of an open file, in a buffer of that length. @throws NuwaError where it ends before */
export function readWhole(file: number, path: string, begin: number, end: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(end - begin);
  for (let done = 0; done < bytes.length; ) {
    const read = readSync(file, bytes, done, Math.min(bytes.length - done, 2 ** 30), begin + done);
    if (read === 0) throw new NuwaError(`${path}: ended while being read.`);
    done += read;
  }
  return bytes;
}

/** What helps where a file cannot be written. */
export const WRITE_REMEDY = "Check the folder's rights and the free space.";

/** An error of the system as a line; a line stays as it is. */
export function asRefusal(path: string, error: unknown, what: string, remedy: string): NuwaError {
  return error instanceof NuwaError ? error : new NuwaError(`${path}: ${what} (${systemReason(error)}). ${remedy}`);
}

/** The short reason in an operating-system error, such as "ENOENT: no such file or directory". */
export function systemReason(error: unknown): string {
  return (error as Error).message.split(", ")[0].replace(/\.$/, "");
}
