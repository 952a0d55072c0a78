import type { MeasuredPass } from "../../analysis/measure.ts";
import type { TensorValues } from "../../io/safetensors.ts";

/** What was measured in a pass, ready to be written. */
export interface MeasureRecord {
  /** Tensors of a dump, by name. */
  readonly entries: readonly (readonly [name: string, values: TensorValues])[];
  /** The same with the names of its axes, for JSON. */
  readonly json: unknown;
  readonly figure: MeasureFigure;
}

/** A drawing of what was measured. */
export interface MeasureFigure {
  /** What is measured, in a few words. */
  readonly title: string;
  /** How to read the drawing. */
  readonly caption: string;
  /** Draws it: an SVG document. */
  readonly svg: () => string | Promise<string>;
}

/** What a record says besides the measure. */
export interface RecordFacts {
  readonly pass: MeasuredPass;
  /** The text of a token of the vocabulary. */
  readonly wordOf: (id: number) => string;
  /** What the grids of the image are called; empty where there is one only. */
  readonly gridNames: readonly string[];
}

/** Numbers for JSON: six digits say all that float32 knows. */
export function rounded(values: ArrayLike<number>): number[] {
  return Array.from(values, (value) => Number(value.toPrecision(6)));
}

/** A list as a tensor of a dump. */
export function listOf(values: Float32Array | Int32Array): TensorValues {
  return { shape: [values.length], values };
}

/** Lists of one length as a tensor of a dump. */
export function rowsOf(rows: readonly Float32Array[]): TensorValues {
  return { shape: [rows.length, rows[0].length], values: Float32Array.from(rows.flatMap((row) => [...row])) };
}

/** The grids of an image behind the first have their number in the name. */
export function named(name: string, grid: number): string {
  return grid === 0 ? name : `${name}/grid=${grid}`;
}

/** Softmax of logits at one token. */
export function probabilityOf(logits: ArrayLike<number>, token: number): number {
  const values = Array.from(logits);
  const most = values.reduce((largest, value) => Math.max(largest, value));
  return Math.exp(logits[token] - most) / values.reduce((sum, value) => sum + Math.exp(value - most), 0);
}
