import * as tf from "@tensorflow/tfjs";
import { UsageError } from "./errors.ts";
import type { Sequence } from "./slots.ts";
import { isList, layerOf, matchTaps, type TapName } from "./tap-points.ts";

/** Where a pass stands when it meets a point; what does not apply there is undefined. */
export interface Visit {
  /** Block of the tower or layer of the decoder, from 0; at `stage2.*` the layer before which the cut is made. */
  readonly layer?: number;
  /** 0: prefill; n: the pass that feeds the n-th generated token. */
  readonly step?: number;
  /**
   * The tokens that the decoder has seen by now, for each sample: text or visual, cell, position id. The last rows
   * of what passes are the newest of these. Undefined before the decoder.
   */
  readonly sequence?: Sequence;
  /**
   * Which image of the batch each row of what passes is of, by its number; undefined for a row without one. Images of
   * different shapes meet a point one shape after the other. Undefined in the decoder, where rows are prompts; but a
   * cut looks at one image of each prompt at a time, and its scores say at which.
   */
  readonly images?: readonly (number | undefined)[];
  /** Which of the grids of these images, from 0; undefined where what passes is not of one grid. */
  readonly grid?: number;
  /** In the tower: how many rows stand before the patches. */
  readonly prefixTokens?: number;
  /** In blocks of the tower that attend inside windows: how many rows each window has, in their order. */
  readonly windows?: readonly number[];
  /** The same object in all visits of one pass: a prefill, or one decoding step. */
  readonly pass?: object;
}

/**
 * Stands at every point worth seeing: `x = tap("llm.16.tokens", x)`. The identity by default; a tap may record what
 * passes or return another tensor of the same shape. A plain function is a tap that wants every point.
 */
export interface Tap {
  <T extends tf.Tensor>(name: TapName, x: T, visit?: Visit): T;
  /** Whether the tap looks at a point; what only serves points that no tap wants is not computed. */
  readonly wants?: (name: TapName) => boolean;
  /** The points that it looks at, where they are known beforehand: a pass refuses those that its model lacks. */
  readonly names?: readonly TapName[];
}

/** The tap that wants nothing. */
export const noTap: Tap = Object.assign(<T extends tf.Tensor>(_name: TapName, x: T): T => x, { wants: () => false });

/** Whether a tap looks at a point. */
export function wants(tap: Tap, name: TapName): boolean {
  return tap.wants?.(name) ?? true;
}

/** The tap as the model calls it: with what is known of where the pass stands; what is said at the point goes first. */
export function within(tap: Tap, known: Visit): Tap {
  if (tap === noTap) return tap;
  const visiting = <T extends tf.Tensor>(name: TapName, x: T, visit?: Visit): T => {
    const layer = layerOf(name);
    return tap(name, x, { ...(layer === undefined ? {} : { layer }), ...known, ...visit });
  };
  return Object.assign(visiting, { wants: (name: TapName) => wants(tap, name), names: tap.names });
}

/**
 * Refuses a tap that looks at a point which a model lacks.
 *
 * @param known the points of the model
 * @throws UsageError listing near names
 */
export function requireKnown({ names = [] }: Tap, known: readonly TapName[]): void {
  const all = new Set(known);
  for (const name of names) if (!all.has(name)) matchTaps(name, known);
}

/** What passed a point once, and where the pass stood. */
export interface Meeting {
  readonly value: tf.Tensor;
  readonly visit: Visit;
}

/** A tap that keeps what passes. */
export interface Recorder {
  readonly tap: Tap;
  /**
   * What has passed under a name in a step, 0 being the prefill. Of several cuts in the decoder it is the last one's.
   *
   * @throws UsageError when nothing has: that is an error, never an empty result; and when several values have, because
   * images differ in shape or have several grids: see `all`
   */
  get(name: TapName, step?: number): tf.Tensor;
  /**
   * Everything that has passed under a name in a step, in order: a value for each shape of images, each grid and each
   * cut, as `visit` says.
   *
   * @throws UsageError when nothing has
   */
  all(name: TapName, step?: number): readonly Meeting[];
  has(name: TapName, step?: number): boolean;
  /** The steps in which a name was met, ascending. */
  steps(name: TapName): number[];
  dispose(): void;
}

/**
 * Records the named points in the last pass that meets them: another prefill takes the place of an earlier one. Each
 * recorded tensor outlives the pass until `dispose`.
 *
 * @param names see `matchTaps` for patterns
 */
export function record(names: Iterable<TapName>): Recorder {
  const wanted = new Set(names);
  /** Name → step → what was met. */
  const recorded = new Map([...wanted].map((name) => [name, new Map<number, Meeting[]>()]));
  const tap = <T extends tf.Tensor>(name: TapName, x: T, visit: Visit = {}): T => {
    const steps = recorded.get(name);
    if (!steps) return x;
    const step = visit.step ?? 0;
    const met = steps.get(step) ?? [];
    if (met.length > 0 && isNewPass(met, name, visit)) forget(steps, step);
    else requireOther(name, met, visit);
    steps.set(step, [...(steps.get(step) ?? []), { value: tf.keep(x.clone()), visit }]);
    return x;
  };
  const all = (name: TapName, step = 0) => {
    const found = recorded.get(name)?.get(step);
    if (!found)
      throw new UsageError(
        `tap "${name}" was not met in ${step === 0 ? "this run" : `step ${step}`}: the pass did not come there.`,
      );
    return found;
  };
  return {
    tap: Object.assign(tap, { wants: (name: TapName) => wanted.has(name), names: [...wanted] }),
    all,
    get(name, step = 0) {
      const met = all(name, step);
      const [only, ...others] = ofLastCut(met);
      if (others.length === 0) return only.value;
      const labels = met.map(({ visit }) => visitLabel(name, visit)).join(", ");
      throw new UsageError(
        `tap "${name}" was met ${met.length} times, at ${labels}: take the values with all("${name}").`,
      );
    },
    has: (name, step = 0) => recorded.get(name)?.has(step) ?? false,
    steps: (name) => [...(recorded.get(name)?.keys() ?? [])].sort((a, b) => a - b),
    dispose() {
      for (const steps of recorded.values()) forget(steps, 0);
    },
  };
}

/** Of several cuts what was met at the last one, else everything. */
export function ofLastCut(met: readonly Meeting[]): readonly Meeting[] {
  return met.filter(({ visit }) => visit.layer === met.at(-1)?.visit.layer);
}

/**
 * What tells a value of a point from its others, such as `layer=16/images=0,2/grid=1`; empty where it is the only one.
 * A layer that the name says already is left out.
 */
export function visitLabel(name: TapName, { layer, images, grid }: Visit): string {
  return [
    ...(layer === undefined || layerOf(name) !== undefined ? [] : [`layer=${layer}`]),
    ...(images === undefined ? [] : [`images=${images.map((image) => image ?? "none").join(",")}`]),
    ...(grid === undefined ? [] : [`grid=${grid}`]),
  ].join("/");
}

/** Drops what was met from a step on. */
function forget(steps: Map<number, readonly Meeting[]>, from: number): void {
  for (const [step, met] of steps)
    if (step >= from) {
      tf.dispose(met.map(({ value }) => value));
      steps.delete(step);
    }
}

/** Whether a visit is of another pass than what was met; where no pass is named, whether it repeats a place. */
function isNewPass(met: readonly Meeting[], name: TapName, visit: Visit): boolean {
  if (visit.pass !== undefined || met[0].visit.pass !== undefined) return visit.pass !== met[0].visit.pass;
  return met.some((one) => visitLabel(name, one.visit) === visitLabel(name, visit));
}

/** Nothing is overwritten within a pass. */
function requireOther(name: TapName, met: readonly Meeting[], visit: Visit): void {
  const label = visitLabel(name, visit);
  if (met.some((one) => visitLabel(name, one.visit) === label))
    throw new UsageError(
      `tap "${name}" was met twice at the same place of a pass (${label || "no image"}). ` +
        "A method may show a point once for each grid or cut.",
    );
}

/**
 * Replaces what passes under the given names, for interventions such as blocking attention, patching from another
 * run, or ablation.
 *
 * @throws UsageError when a replacement has another shape, or when the point is a list of integers
 */
export function replace(
  replacements: {
    readonly [name in TapName]?: (x: tf.Tensor, visit?: Visit) => tf.Tensor;
  },
): Tap {
  const tap = <T extends tf.Tensor>(name: TapName, x: T, visit?: Visit): T => {
    const replacement = replacements[name];
    if (!replacement) return x;
    if (isList(name))
      throw new UsageError(`tap "${name}" can be recorded, not replaced. Write a method to change a selection.`);
    const y = replacement(x, visit);
    if (y.shape.join() !== x.shape.join())
      throw new UsageError(`tap "${name}": the replacement has shape [${y.shape}], not [${x.shape}].`);
    return y as T;
  };
  const names = Object.keys(replacements) as TapName[];
  return Object.assign(tap, { wants: (name: TapName) => replacements[name] !== undefined, names });
}

/** Several taps one after the other. */
export function chain(...taps: readonly Tap[]): Tap {
  const tap = <T extends tf.Tensor>(name: TapName, x: T, visit?: Visit): T =>
    taps.reduce((current, one) => one(name, current, visit), x);
  const names = taps.flatMap((one) => one.names ?? []);
  return Object.assign(tap, { wants: (name: TapName) => taps.some((one) => wants(one, name)), names });
}
