import { VARIANTS, type Variant } from "../../methods/nuwa/nuwa.ts";
import { ownPositions } from "../../methods/registry.ts";

/** What an evaluation has to know of a method besides how to create it. All of it is collected here. */
export interface MethodFacts {
  /** Position policy of the method's own code. */
  readonly positions: ReturnType<typeof ownPositions>;
  /** Names of its variants; empty where it has none. */
  readonly readings: readonly Variant[];
  /** Whether it drops nothing, so that neither an average nor a position policy changes it. */
  readonly keepsEverything: boolean;
}

/** What is known of a method of the registry. */
export function methodFacts(method: string): MethodFacts {
  return {
    positions: ownPositions(method),
    readings: method === "nuwa" ? VARIANT_NAMES : [],
    keepsEverything: method === UNPRUNED,
  };
}

/** All variants of methods of the registry. */
export const VARIANT_NAMES = Object.keys(VARIANTS) as Variant[];

/** The method whose scores retention is measured against. */
export const UNPRUNED = "none";

/** What `nuwa eval` compares unless `--methods` is given. */
export const DEFAULT_METHODS: readonly string[] = [UNPRUNED, "nuwa"];
