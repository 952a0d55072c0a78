import { NuwaError, UsageError } from "../core/errors.ts";
import { shown } from "../core/schema.ts";
import { type ImageShape, unprunedTokens } from "../model/image-shape.ts";
import type { VlmConfig } from "../model/vlm.ts";
import { definition as cdpruner } from "./cdpruner.ts";
import { definition as dart } from "./dart.ts";
import { definition as divprune } from "./divprune.ts";
import { definition as fastv } from "./fastv.ts";
import { definition as feather } from "./feather.ts";
import { checkMethod, named } from "./guard.ts";
import { definition as hiprune } from "./hiprune.ts";
import { definition as holov } from "./holov.ts";
import { definition as ivcprune } from "./ivcprune.ts";
import type { Method, MethodDefinition, Pruning } from "./method.ts";
import { definition as none } from "./none.ts";
import { type NuwaRequest, definition as nuwa } from "./nuwa/definition.ts";
import { POSITION_POLICIES } from "./nuwa/positions.ts";
import { definition as pooling } from "./pooling.ts";
import { definition as prumerge } from "./prumerge.ts";
import { definition as pyramiddrop } from "./pyramiddrop.ts";
import { definition as random } from "./random.ts";
import { definition as scope } from "./scope.ts";
import { definition as sparsevlm } from "./sparsevlm/sparsevlm.ts";
import { definition as tome } from "./tome.ts";
import { definition as visionzip } from "./visionzip.ts";
import { definition as vispruner } from "./vispruner.ts";

/** All methods of this project. A new one is a file and a line here. */
export const METHODS: readonly MethodDefinition[] = [
  none,
  nuwa,
  random,
  pooling,
  fastv,
  sparsevlm,
  pyramiddrop,
  visionzip,
  prumerge,
  divprune,
  tome,
  hiprune,
  scope,
  holov,
  vispruner,
  cdpruner,
  dart,
  feather,
  ivcprune,
];

/** Names of all methods of this project. */
export const METHOD_NAMES: readonly string[] = METHODS.map(({ name }) => name);

/**
 * The definition of a method of this project.
 *
 * @throws UsageError listing the names when there is none
 */
export function methodNamed(name: string): MethodDefinition {
  const found = METHODS.find((one) => one.name === name);
  if (!found) throw new UsageError(`method ${shown(name)} does not exist. There are: ${METHOD_NAMES.join(", ")}.`);
  return found;
}

/** What of a model's configuration methods are made for. */
type MadeFor = Pick<VlmConfig, "family" | "facts" | "imageShape">;

/**
 * A method with its parameters solved for a model, an average and images of one shape.
 *
 * @param which a name of the registry, or the definition of a method of one's own
 * @param shape of the images; need not be given where all images of a model have the same
 * @throws UsageError when the name, a parameter or the average does not fit
 */
export function createMethod(
  which: string | MethodDefinition,
  { family, facts, imageShape }: MadeFor,
  request: NuwaRequest = {},
  shape: ImageShape | undefined = imageShape,
): Method {
  if (!shape) throw new NuwaError("images of this model have many shapes. Make the method for one of them.");
  const definition = typeof which === "string" ? methodNamed(which) : which;
  const { positions } = request;
  if (positions !== undefined && !POSITION_POLICIES.includes(positions))
    throw new UsageError(`positions ${shown(positions)} do not exist. There are: ${POSITION_POLICIES.join(", ")}.`);
  const size = { ...facts, family, grids: shape.grids, tiles: shape.tiles, total: unprunedTokens(shape) };
  const method = named(definition.name, "create", () => definition.create(request, size));
  return checkMethod(method, definition.name, facts.layers);
}

/**
 * A method for every image: the same for all where a model has images of one shape only, else one made for each shape.
 *
 * @throws UsageError as {@link createMethod}; at once where the shape of all images is known
 */
export function createPruning(which: string | MethodDefinition, config: MadeFor, request: NuwaRequest = {}): Pruning {
  if (config.imageShape) return createMethod(which, config, request);
  return (shape) => createMethod(which, config, request, shape);
}
