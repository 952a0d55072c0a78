import { UsageError } from "../errors.ts";
import type { VlmConfig } from "../model/config.ts";
import { type AverageTokens, solveBudget } from "../pruning/budget.ts";
import { POSITION_POLICIES, type PositionPolicy } from "../pruning/positions.ts";
import type { SelectionKind } from "../pruning/relaxed.ts";
import type { Method } from "./method.ts";
import { none } from "./none.ts";
import { type Knobs, type NuwaSwitches, nuwa, VARIANTS, type Variant } from "./nuwa.ts";

/** What all methods are asked for with; a method takes what concerns it. */
export interface MethodRequest {
  readonly average: AverageTokens;
  readonly variant?: Variant;
  /** Overrides the variant's own. */
  readonly stage2?: NuwaSwitches["stage2"];
  readonly positions?: PositionPolicy;
  /** Overrides the variant's own constants of stage 1. */
  readonly knobs?: Knobs;
  /** How Nüwa's first selection is made, and how sharply; see `NuwaOptions`. */
  readonly selection?: SelectionKind;
  readonly temperature?: number;
  /** For methods that draw at random. */
  readonly seed?: number;
}

const METHODS: Readonly<Record<string, (config: VlmConfig, request: MethodRequest) => Method>> = {
  none: (_config, { positions }) => none(positions),
  nuwa(config, { average, variant = "official", stage2, knobs, ...rest }) {
    const { vision, text } = config;
    const total = (vision.imageSize[0] / vision.patchSize) * (vision.imageSize[1] / vision.patchSize);
    const cutLayer = Math.floor(text.numHiddenLayers / 2);
    const budget = solveBudget(average, total, text.numHiddenLayers, cutLayer);
    if (!Object.hasOwn(VARIANTS, variant))
      throw new UsageError(`variant "${variant}" does not exist. There are: ${Object.keys(VARIANTS).join(", ")}.`);
    const switches = VARIANTS[variant];
    return nuwa({ ...switches, ...knobs, ...rest, stage2: stage2 ?? switches.stage2, budget, cutLayer });
  },
};

/** Names of all methods. */
export const METHOD_NAMES: readonly string[] = Object.keys(METHODS);

/**
 * A method by name, with its parameters solved for a model and an average.
 *
 * @throws UsageError when the name, a parameter or the average does not fit
 */
export function createMethod(name: string, config: VlmConfig, request: MethodRequest): Method {
  if (!Object.hasOwn(METHODS, name))
    throw new UsageError(`method "${name}" does not exist. There are: ${METHOD_NAMES.join(", ")}.`);
  const { positions = "original" } = request;
  if (!POSITION_POLICIES.includes(positions))
    throw new UsageError(`positions "${positions}" do not exist. There are: ${POSITION_POLICIES.join(", ")}.`);
  return METHODS[name](config, request);
}
