import { UsageError } from "../../core/errors.ts";
import { shown } from "../../core/schema.ts";
import { noTap } from "../../core/taps.ts";
import { parseAverage } from "../../methods/budget.ts";
import type { Stage1Constants } from "../../methods/nuwa/constants.ts";
import type { PositionPolicy } from "../../methods/nuwa/positions.ts";
import type { Variant } from "../../methods/nuwa/variants.ts";
import { createPruning } from "../../methods/registry.ts";
import type { VlmConfig } from "../../model/vlm.ts";
import { type Catalogue, REGISTRY } from "./catalogue.ts";
import { CONTROLS, type Control, type Run } from "./controls.ts";

/** One way to run the model; what does not apply to a method is null. */
export interface Setting {
  /** A method of the registry, the path of a file of one's own, or a control. */
  readonly method: string;
  readonly variant: string | null;
  /** Average visual tokens a decoder layer, as it was asked for: "1/9". */
  readonly average: string | null;
  /** A position policy; a control's own ids are called "permuted" or "halved". */
  readonly positions: string;
}

/** The lists whose combinations are run. */
export interface Choices {
  readonly methods: readonly string[];
  readonly variants: readonly string[];
  readonly averages: readonly string[];
  /** `own`: those of the method's own code. */
  readonly positions: readonly (PositionPolicy | "own")[];
}

/** What `--methods` may name besides files. */
export const EVALUATED_METHODS: readonly string[] = [...REGISTRY.keys(), ...Object.keys(CONTROLS)];

/** Whether a name is one of the controls. */
function isControl(name: string): name is Control {
  return Object.hasOwn(CONTROLS, name);
}

/**
 * All settings of some choices, method by method. A method that keeps everything is one setting: where nothing is
 * dropped all position policies give the same ids. Controls are one each. A method without a budget has one for each
 * position policy.
 *
 * @param catalogue the definitions of the methods; a name that is not in it has neither variants nor ids of its own
 */
export function settingsOf(choices: Choices, catalogue: Catalogue = REGISTRY): Setting[] {
  const { methods, variants, averages, positions } = choices;
  return methods.flatMap((method): Setting[] => {
    if (isControl(method)) return [{ method, variant: null, average: null, positions: CONTROLS[method].positions }];
    const definition = catalogue.get(method);
    const own = definition?.positions ?? "original";
    if (definition?.keepsEverything) return [{ method, variant: null, average: null, positions: own }];
    const read = definition?.variants ? variants : [null];
    const policies = new Set(positions.map((policy) => (policy === "own" ? own : policy)));
    const asked = definition?.publishedOnly ? [null] : averages;
    return read.flatMap((variant) =>
      asked.flatMap((average) => [...policies].map((policy) => ({ method, variant, average, positions: policy }))),
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
  config: Pick<VlmConfig, "family" | "facts" | "imageShape">,
  seed: number,
  constants?: Stage1Constants,
  catalogue: Catalogue = REGISTRY,
): Run {
  if (isControl(method)) return CONTROLS[method].run(seed);
  const definition = catalogue.get(method);
  if (!definition)
    throw new UsageError(`method ${shown(method)} does not exist. There are: ${EVALUATED_METHODS.join(", ")}.`);
  const request = {
    average: average === null && definition.publishedOnly ? undefined : parseAverage(average ?? "1/1"),
    variant: (variant ?? undefined) as Variant | undefined,
    positions: positions as PositionPolicy,
    constants,
    seed,
  };
  return { method: createPruning(definition, config, request), tap: noTap };
}
