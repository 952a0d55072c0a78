import * as tf from "@tensorflow/tfjs";
import { UsageError } from "./errors.ts";
import type { Sequence } from "./slots.ts";
import { isList, matchTaps, type TapName } from "./tap-points.ts";

/** Where a pass stands when it meets a point. */
export interface Visit {
  /** Block of the tower or layer of the decoder, from 0; undefined at other points. */
  readonly layer: number | undefined;
  /** 0: prefill; n: the pass that feeds the n-th generated token. */
  readonly step: number;
  /**
   * The tokens that the decoder has seen by now, for each sample: text or visual, cell, position id. The last rows
   * of what passes are the newest of these. Undefined before the decoder.
   */
  readonly sequence: Sequence | undefined;
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

/** The tap as the model calls it: with the step and the sequence that the pass stands at filled in. */
export function within(tap: Tap, { step, sequence }: Pick<Visit, "step" | "sequence">): Tap {
  if (tap === noTap) return tap;
  const visiting = <T extends tf.Tensor>(name: TapName, x: T, visit?: Visit): T =>
    tap(name, x, visit ?? { layer: layerOf(name), step, sequence });
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

function layerOf(name: TapName): number | undefined {
  const found = /^(?:vision|llm)\.(\d+)\./.exec(name);
  return found ? Number(found[1]) : undefined;
}

/** A tap that keeps what passes. */
export interface Recorder {
  readonly tap: Tap;
  /**
   * What has passed under a name in a step, 0 being the prefill.
   *
   * @throws UsageError when nothing has: that is an error, never an empty result
   */
  get(name: TapName, step?: number): tf.Tensor;
  has(name: TapName, step?: number): boolean;
  /** The steps in which a name was met, ascending. */
  steps(name: TapName): number[];
  dispose(): void;
}

/**
 * Records the named points. Each recorded tensor outlives the pass until `dispose`.
 *
 * @param names see `matchTaps` for patterns
 */
export function record(names: Iterable<TapName>): Recorder {
  const wanted = new Set(names);
  const recorded = new Map<string, tf.Tensor>();
  const keyOf = (name: TapName, step: number) => `${name}@${step}`;
  const tap = <T extends tf.Tensor>(name: TapName, x: T, visit?: Visit): T => {
    if (wanted.has(name)) {
      const key = keyOf(name, visit?.step ?? 0);
      recorded.get(key)?.dispose();
      recorded.set(key, tf.keep(x.clone()));
    }
    return x;
  };
  return {
    tap: Object.assign(tap, { wants: (name: TapName) => wanted.has(name), names: [...wanted] }),
    get(name, step = 0) {
      const found = recorded.get(keyOf(name, step));
      if (!found)
        throw new UsageError(
          `tap "${name}" was not met in ${step === 0 ? "this run" : `step ${step}`}: the pass did not come there.`,
        );
      return found;
    },
    has: (name, step = 0) => recorded.has(keyOf(name, step)),
    steps: (name) =>
      [...recorded.keys()]
        .filter((key) => key.startsWith(`${name}@`))
        .map((key) => Number(key.slice(name.length + 1)))
        .sort((a, b) => a - b),
    dispose() {
      tf.dispose([...recorded.values()]);
      recorded.clear();
    },
  };
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
