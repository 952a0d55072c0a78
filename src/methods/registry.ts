import { UsageError } from "../core/errors.ts";
import { type Grid, patchCount } from "../core/grid.ts";
import type { VlmConfig } from "../model/llava/config.ts";
import { type AverageTokens, averageCount } from "./budget.ts";
import { divprune } from "./divprune.ts";
import { fastv, fastvBudget } from "./fastv.ts";
import { hiprune } from "./hiprune.ts";
import type { Method } from "./method.ts";
import { none } from "./none.ts";
import { solveBudget } from "./nuwa/budget.ts";
import type { Stage1Constants } from "./nuwa/constants.ts";
import { nuwa } from "./nuwa/nuwa.ts";
import { POSITION_POLICIES, type PositionPolicy } from "./nuwa/positions.ts";
import type { SelectionKind } from "./nuwa/soft-stage1.ts";
import { type NuwaSwitches, VARIANTS, type Variant } from "./nuwa/variants.ts";
import { pooledGrid, pooling } from "./pooling.ts";
import { prumerge } from "./prumerge.ts";
import { publishedPyramid, pyramidBudget, pyramiddrop } from "./pyramiddrop.ts";
import { random } from "./random.ts";
import type { DecoderSize } from "./schedule.ts";
import { sparsevlmBudget } from "./sparsevlm/budget.ts";
import { sparsevlm } from "./sparsevlm/sparsevlm.ts";
import { tome, tomeBudget } from "./tome.ts";
import { visionzip, visionzipBudget } from "./visionzip.ts";

/** What all methods are asked for with; a method takes what concerns it. */
export interface MethodRequest {
  /** Undefined: what the method published by itself (PruMerge+, PyramidDrop), {@link DEFAULT_AVERAGE} for the others. */
  readonly average?: AverageTokens;
  /** Nüwa's reading. */
  readonly variant?: Variant;
  /** Nüwa's second score; overrides the variant's own. */
  readonly stage2?: NuwaSwitches["stage2"];
  /** Undefined: the method's own. */
  readonly positions?: PositionPolicy;
  /** Overrides the variant's own constants of stage 1. */
  readonly constants?: Stage1Constants;
  /** How Nüwa's first selection is made, and how sharply; see `NuwaOptions`. */
  readonly selection?: SelectionKind;
  readonly temperature?: number;
  /** For methods that draw at random. */
  readonly seed?: number;
}

/** The average of methods that have no number of their own, see {@link defaultAverage}. */
export const DEFAULT_AVERAGE: AverageTokens = { ratio: 1 / 9 };

/** The average that a method is asked for when none is given, in words: PruMerge+ and PyramidDrop have their own numbers. */
export function defaultAverage(name: string): string {
  return name === "prumerge" || name === "pyramiddrop" ? "as published" : "1/9";
}

/** The ids that a method gives when none are asked for: what its own code does. */
export function ownPositions(name: string): PositionPolicy {
  return ["none", "nuwa", "random", "fastv"].includes(name) ? "original" : "compressed";
}

/** A request for a model of a known size, with the average filled in. */
interface Request extends Omit<MethodRequest, "average"> {
  readonly average: AverageTokens;
  /** Whether the average was asked for. */
  readonly asked: boolean;
  readonly grid: Grid;
  readonly size: DecoderSize;
  readonly config: VlmConfig;
}

const METHODS: Readonly<Record<string, (request: Request) => Method>> = {
  none: ({ positions }) => none(positions),
  nuwa({ average, variant = "official", size, config, asked, grid, constants, ...rest }) {
    const cutLayer = Math.floor(size.layers / 2);
    const budget = solveBudget(average, size.total, size.layers, cutLayer);
    if (!Object.hasOwn(VARIANTS, variant))
      throw new UsageError(`variant "${variant}" does not exist. There are: ${Object.keys(VARIANTS).join(", ")}.`);
    const switches = VARIANTS[variant];
    return nuwa({ ...switches, ...constants, ...rest, stage2: rest.stage2 ?? switches.stage2, budget, cutLayer });
  },
  random: ({ average, size, positions, seed = 44 }) => random({ keep: whole(average, size), seed, positions }),
  pooling: ({ average, grid, positions }) => pooling({ pooled: pooledGrid(grid, average), positions }),
  fastv({ average, size, positions }) {
    // The published K is for 32 layers; in a shallow decoder two whole layers would be most of the budget.
    const layer = size.layers < 16 ? 1 : 2;
    return fastv({ keep: fastvBudget(average, size, layer), layer, positions });
  },
  sparsevlm: ({ average, size, positions }) => sparsevlm({ stages: sparsevlmBudget(average, size), positions }),
  pyramiddrop: ({ average, asked, size, positions }) =>
    pyramiddrop({ stages: asked ? pyramidBudget(average, size) : publishedPyramid(size), positions }),
  visionzip: ({ average, size, positions }) => visionzip({ ...visionzipBudget(average, size.total), positions }),
  prumerge: ({ average, asked, size, positions }) =>
    // 32 neighbours of 576 patches, the same share of others.
    prumerge({
      keep: asked ? whole(average, size) : undefined,
      neighbours: Math.max(1, Math.round(size.total / 18)),
      positions,
    }),
  divprune: ({ average, size, positions }) => divprune({ keep: whole(average, size), positions }),
  tome: ({ average, size, config, positions }) =>
    tome({ merged: tomeBudget(average, size.total, featureBlocks(config)), positions }),
  hiprune: ({ average, size, config, positions }) =>
    hiprune({
      keep: whole(average, size),
      objectBlock: Math.max(0, Math.round((9 / 24) * config.vision.numHiddenLayers) - 1),
      positions,
    }),
};

/** Names of all methods. */
export const METHOD_NAMES: readonly string[] = Object.keys(METHODS);

/**
 * A method by name, with its parameters solved for a model and an average.
 *
 * @throws UsageError when the name, a parameter or the average does not fit
 */
export function createMethod(name: string, config: VlmConfig, request: MethodRequest = {}): Method {
  if (!Object.hasOwn(METHODS, name))
    throw new UsageError(`method "${name}" does not exist. There are: ${METHOD_NAMES.join(", ")}.`);
  const { positions, average } = request;
  if (positions !== undefined && !POSITION_POLICIES.includes(positions))
    throw new UsageError(`positions "${positions}" do not exist. There are: ${POSITION_POLICIES.join(", ")}.`);
  const { imageSize, patchSize } = config.vision;
  const grid = { rows: imageSize[0] / patchSize, columns: imageSize[1] / patchSize };
  return METHODS[name]({
    ...request,
    average: average ?? DEFAULT_AVERAGE,
    asked: average !== undefined,
    grid,
    size: { total: patchCount(grid), layers: config.text.numHiddenLayers },
    config,
  });
}

function whole(average: AverageTokens, { total }: DecoderSize): number {
  return Math.max(1, Math.round(averageCount(average, total)));
}

/** Blocks of the tower that `vision_feature_layer` leaves before the features. */
function featureBlocks({ visionFeatureLayer, vision }: VlmConfig): number {
  const states = vision.numHiddenLayers + 1;
  return (visionFeatureLayer + states) % states;
}
