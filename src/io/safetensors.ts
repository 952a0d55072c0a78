import { closeSync } from "node:fs";
import { NuwaError } from "../core/errors.ts";
import { shown } from "../core/schema.ts";
import { fileSize, reasonOf, writeAtomically } from "./files.ts";
import { bfloat16ToFloat32, float16ToFloat32 } from "./half-floats.ts";
import { mostValues, requireBounded, textOf } from "./json.ts";
import { openInput, readWhole } from "./opening.ts";
import {
  bitsOf,
  type Header,
  type HeaderEntry,
  HeaderProblem,
  parseHeader,
  type SafetensorsDtype,
} from "./safetensors-header.ts";

/**
 * Reading and writing of safetensors files.
 *
 * Layout: 8 bytes little-endian header length, a JSON header, the data. Each header entry gives dtype,
 * shape and `data_offsets` relative to the end of the header. The format demands that the tensors tile
 * the data exactly, which is checked before any memory is taken, so that a damaged file is noticed.
 *
 * Source: https://github.com/huggingface/safetensors#format
 */

/** One tensor of a file: where it is and what it is, without its values. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** Byte range in the file, end exclusive. */
  readonly begin: number;
  readonly end: number;
}

/** The table of contents of a safetensors file. */
export interface SafetensorsFile {
  readonly path: string;
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /** The texts of `__metadata__`, unchecked. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Values of a tensor in memory: floats as float32, integers as int32, row-major. */
export interface TensorValues {
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
}

/** The reference implementation refuses headers above this, too. */
const MAX_HEADER_BYTES = 100_000_000;

/**
 * Reads and checks the header of a safetensors file.
 *
 * @throws NuwaError when the file is missing or truncated, or when dtypes, shapes or offsets are
 * impossible (out of the file, overlapping, leaving holes, not matching the shape)
 */
export function openSafetensors(path: string): SafetensorsFile {
  const size = fileSize(path);
  if (size < 8) throw new NuwaError(`${path}: ${size} bytes is too short for a safetensors file. Fetch it again.`);
  const lengthField = new DataView(readBytes(path, 0, 8).buffer).getBigUint64(0, true);
  if (lengthField > BigInt(Math.min(MAX_HEADER_BYTES, size - 8))) {
    throw new NuwaError(
      `${path}: header length ${lengthField} exceeds the file (${size} bytes). It is truncated or not safetensors.`,
    );
  }
  const dataStart = 8 + Number(lengthField);
  const { metadata, entries: claimed } = headerOf(path, readBytes(path, 8, dataStart));
  const entries = [...claimed].map(([name, claim]) => checkEntry(path, name, claim, dataStart, size));
  checkTiling(path, entries, dataStart, size);
  return { path, entries: new Map(entries.map((entry) => [entry.name, entry])), metadata };
}

function headerOf(path: string, bytes: Uint8Array): Header {
  try {
    requireBounded(bytes, mostValues(MAX_HEADER_BYTES));
    return parseHeader(textOf(bytes));
  } catch (error) {
    const what = error instanceof HeaderProblem ? "" : "the safetensors header is not JSON (";
    throw new NuwaError(`${path}: ${what}${reasonOf(error)}${what && ")"}. The file is damaged or of another kind.`);
  }
}

/** One header entry, with its own claims checked against each other. */
function checkEntry(path: string, name: string, claim: HeaderEntry, dataStart: number, size: number): TensorEntry {
  const refuse = (problem: string): never => {
    throw new NuwaError(`${path}: tensor ${shown(name)}: ${problem}. The file is damaged.`);
  };
  const { dtype, offsets } = claim;
  const [begin, end] = offsets.map((offset) => offset + dataStart);
  if (begin > end || end > size) return refuse(`data_offsets [${offsets}] lie outside the file (${size} bytes)`);
  const shape = claim.shape.map(Number);
  const bits = bitsOf(claim) ?? refuse(`shape ${shown(shape)} in ${dtype} needs more than 64 bits can count`);
  if (bits !== 8n * BigInt(end - begin))
    return refuse(
      `shape ${shown(shape)} in ${dtype} needs ${Number(bits) / 8} bytes, data_offsets give ${end - begin}`,
    );
  return { name, dtype, shape, begin, end };
}

/** The tensors must follow each other without overlap or hole, and end where the file ends. */
function checkTiling(path: string, entries: readonly TensorEntry[], dataStart: number, size: number): void {
  let position = dataStart;
  for (const entry of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (entry.begin !== position) {
      const problem = entry.begin < position ? "overlaps another tensor" : "leaves a hole before it";
      throw new NuwaError(`${path}: tensor ${shown(entry.name)} ${problem}. The file is damaged.`);
    }
    position = entry.end;
  }
  if (position !== size)
    throw new NuwaError(`${path}: ${size - position} bytes after the last tensor. The file is damaged.`);
}

/**
 * Reads one tensor: F32, F16 and BF16 as float32, I32 and I64 as int32.
 *
 * @throws NuwaError when the tensor is missing, of another dtype, or holds an integer beyond int32
 */
export function readTensor(file: SafetensorsFile, name: string): TensorValues {
  const entry = file.entries.get(name);
  if (!entry)
    throw new NuwaError(
      `${file.path}: has no tensor ${shown(name)}. It has: ` +
        `${[...file.entries.keys()].slice(0, 8).map(shown).join(", ")}.`,
    );
  const { buffer } = readBytes(file.path, entry.begin, entry.end);
  switch (entry.dtype) {
    case "F32":
      return { shape: entry.shape, values: new Float32Array(buffer) };
    case "I32":
      return { shape: entry.shape, values: new Int32Array(buffer) };
    case "BF16":
      return { shape: entry.shape, values: bfloat16ToFloat32(new Uint16Array(buffer)) };
    case "F16":
      return { shape: entry.shape, values: float16ToFloat32(new Uint16Array(buffer)) };
    case "I64":
      return {
        shape: entry.shape,
        values: Int32Array.from(new BigInt64Array(buffer), (v) => toInt32(v, file.path, name)),
      };
    default:
      throw new NuwaError(
        `${file.path}: tensor ${shown(name)} has dtype ${entry.dtype}, which is not supported, only F32, F16, BF16, ` +
          "I32 and I64. Convert it.",
      );
  }
}

function toInt32(value: bigint, path: string, name: string): number {
  if (BigInt.asIntN(32, value) !== value)
    throw new NuwaError(`${path}: tensor ${shown(name)} holds ${value}, beyond 32 bits.`);
  return Number(value);
}

/** The bytes [begin, end) of a file, in a buffer of exactly that length. */
function readBytes(path: string, begin: number, end: number): Uint8Array<ArrayBuffer> {
  const { file } = openInput(path);
  try {
    return readWhole(file, path, begin, end);
  } finally {
    closeSync(file);
  }
}

/**
 * Writes tensors in the order given, atomically. Float32Array becomes F32, Int32Array I32, and a
 * Uint16Array is taken as the bits of F16.
 *
 * @param metadata strings for the header's `__metadata__`
 * @throws NuwaError when a shape does not fit its values, a name is given twice, or the disk refuses
 */
export function writeSafetensors(
  path: string,
  tensors: Iterable<readonly [string, { shape: readonly number[]; values: Float32Array | Int32Array | Uint16Array }]>,
  metadata: Record<string, string> = {},
): void {
  // A map, because a plain object would take the name "__proto__" for something else.
  const header = new Map<string, unknown>(Object.keys(metadata).length ? [["__metadata__", metadata]] : []);
  const chunks: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { shape, values }] of tensors) {
    if (shape.reduce((product, n) => product * n, 1) !== values.length) {
      throw new NuwaError(`${path}: tensor ${shown(name)} of shape [${shape}] got ${values.length} values.`);
    }
    if (name === "__metadata__" || header.has(name))
      throw new NuwaError(`${path}: the tensor name ${shown(name)} is reserved or given twice.`);
    const dtype = values instanceof Float32Array ? "F32" : values instanceof Int32Array ? "I32" : "F16";
    header.set(name, { dtype, shape, data_offsets: [offset, offset + values.byteLength] });
    chunks.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    offset += values.byteLength;
  }
  // Spaces after the JSON bring the data to a multiple of 8 bytes, as the reference writer does.
  const json = JSON.stringify(Object.fromEntries(header));
  const text = new TextEncoder().encode(json + " ".repeat((8 - (Buffer.byteLength(json) % 8)) % 8));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  writeAtomically(path, length, text, ...chunks);
}
