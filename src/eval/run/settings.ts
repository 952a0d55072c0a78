import { UsageError } from "../../core/errors.ts";
import { noTap } from "../../core/taps.ts";
import { parseAverage } from "../../methods/budget.ts";
import type { Stage1Constants, Variant } from "../../methods/nuwa/nuwa.ts";
import type { PositionPolicy } from "../../methods/nuwa/positions.ts";
import { createMethod, METHOD_NAMES } from "../../methods/registry.ts";
import type { VlmConfig } from "../../model/llava/config.ts";
import { CONTROLS, type Control, type Run } from "./controls.ts";
import { methodFacts } from "./method-facts.ts";

/** One way to run the model; what does not apply to a method is null. */
export interface Setting {
  /** A method of the registry, or a control. */
  readonly method: string;
  readonly variant: Variant | null;
  /** Average visual tokens a decoder layer, as it was asked for: "1/9". */
  readonly average: string | null;
  /** A position policy; a control's own ids are called "permuted" or "halved". */
  readonly positions: string;
}

/** The lists whose combinations are run. */
export interface Choices {
  readonly methods: readonly string[];
  readonly variants: readonly Variant[];
  readonly averages: readonly string[];
  /** `own`: those of the method's own code. */
  readonly positions: readonly (PositionPolicy | "own")[];
}

/** What `--methods` may name. */
export const EVALUATED_METHODS: readonly string[] = [...METHOD_NAMES, ...Object.keys(CONTROLS)];

/** Whether a name is one of the controls. */
function isControl(name: string): name is Control {
  return Object.hasOwn(CONTROLS, name);
}

/**
 * All settings of some choices, method by method. The unpruned model is one setting: where nothing is
 * dropped all position policies give the same ids. Controls are one each.
 */
export function settingsOf({ methods, variants, averages, positions }: Choices): Setting[] {
  return methods.flatMap((method): Setting[] => {
    if (isControl(method)) return [{ method, variant: null, average: null, positions: CONTROLS[method].positions }];
    const facts = methodFacts(method);
    if (facts.keepsEverything) return [{ method, variant: null, average: null, positions: facts.positions }];
    const readings = facts.readings.length > 0 ? variants : [null];
    const policies = new Set(positions.map((policy) => (policy === "own" ? facts.positions : policy)));
    return readings.flatMap((variant) =>
      averages.flatMap((average) => [...policies].map((policy) => ({ method, variant, average, positions: policy }))),
    );
  });
}

/**
 * What to run for a setting.
 *
 * @param seed of what a method or control draws at random
 * @param constants replace the constants of Nüwa's first pruning
 * @throws UsageError when the setting does not fit the model
 */
export function runOf(
  { method, variant, average, positions }: Setting,
  config: VlmConfig,
  seed: number,
  constants?: Stage1Constants,
): Run {
  if (isControl(method)) return CONTROLS[method].run(seed);
  if (!METHOD_NAMES.includes(method))
    throw new UsageError(`method "${method}" does not exist. There are: ${EVALUATED_METHODS.join(", ")}.`);
  const request = { variant: variant ?? undefined, positions: positions as PositionPolicy, constants, seed };
  return { method: createMethod(method, config, { average: parseAverage(average ?? "1/1"), ...request }), tap: noTap };
}
