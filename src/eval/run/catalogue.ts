import type { MethodDefinition } from "../../methods/method.ts";
import { VARIANTS } from "../../methods/nuwa/variants.ts";
import { METHODS } from "../../methods/registry.ts";

/** Definitions by what `--methods` calls them: a name of the registry, or the path of a file of one's own. */
export type Catalogue = ReadonlyMap<string, MethodDefinition>;

/** The registry. */
export const REGISTRY: Catalogue = new Map(METHODS.map((method) => [method.name, method]));

/** All variants of methods of the registry. */
export const VARIANT_NAMES: readonly string[] = Object.keys(VARIANTS);

/** The method whose scores retention is measured against. */
export const UNPRUNED = "none";

/** What `nuwa eval` compares unless `--methods` is given. */
export const DEFAULT_METHODS: readonly string[] = [UNPRUNED, "nuwa"];
