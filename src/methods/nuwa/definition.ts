import { UsageError } from "../../core/errors.ts";
import { shown } from "../../core/schema.ts";
import { METHOD_POINTS } from "../../core/tap-points.ts";
import { DEFAULT_AVERAGE, type MethodDefinition, type MethodRequest } from "../method.ts";
import type { Stage1Constants } from "./constants.ts";
import { type NuwaOptions, nuwa } from "./nuwa.ts";
import { readingFor, switchesFor } from "./readings.ts";
import type { SelectionKind } from "./soft-stage1.ts";
import { type NuwaSwitches, VARIANTS, type Variant } from "./variants.ts";

/** What Nüwa can be asked for with besides what every method can. */
export interface NuwaRequest extends MethodRequest {
  /** The reading of the method ("official"). */
  readonly variant?: Variant;
  /** Overrides the variant's own score of stage 2. */
  readonly stage2?: NuwaSwitches["stage2"];
  /** Override the variant's own constants of stage 1. */
  readonly constants?: Stage1Constants;
  /** See {@link NuwaOptions}. */
  readonly selection?: SelectionKind;
  readonly temperature?: number;
}

/** The readings, the default first. */
const VARIANT_NAMES: readonly Variant[] = ["official", "paper"];

/** {@link nuwa} for the registry. The second cut is made at half of the decoder's depth, as in the paper. */
export const definition: MethodDefinition<Pick<NuwaOptions, "budget" | "cutLayer" | "leastPerRegion">, NuwaRequest> = {
  name: "nuwa",
  summary: "spatially spread anchors that gather their neighbourhood, then text-guided pruning in the decoder",
  positions: "original",
  taps: METHOD_POINTS,
  variants: VARIANT_NAMES,
  budget(average, size) {
    const cutLayer = Math.floor(size.layers / 2);
    const { leastPerRegion, ...budget } = readingFor(size).budget(average, size, cutLayer);
    return { budget, cutLayer, leastPerRegion };
  },
  create({ average = DEFAULT_AVERAGE, variant = "official", constants, ...rest }, size) {
    if (!Object.hasOwn(VARIANTS, variant))
      throw new UsageError(`variant ${shown(variant)} does not exist. There are: ${VARIANT_NAMES.join(", ")}.`);
    const { positions, seed, selection, temperature, stage2 = VARIANTS[variant].stage2 } = rest;
    const asked = { positions, seed, selection, temperature, stage2 };
    const read = switchesFor(variant, size);
    const { cutLayer, ...budget } = definition.budget(average, size);
    if (cutLayer + read.cutBehind >= size.layers)
      throw new UsageError(
        `nuwa (${variant}) cuts before decoder layer ${cutLayer + read.cutBehind} in models of the family ` +
          `${size.family}, but this one has layers 0 to ${size.layers - 1}. Use the variant paper, which cuts before ` +
          `layer ${cutLayer}.`,
      );
    return nuwa({ ...read, ...constants, ...asked, ...budget, cutLayer: cutLayer + read.cutBehind });
  },
};
