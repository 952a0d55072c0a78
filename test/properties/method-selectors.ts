import { configFor, factoryOf, keptBy } from "../../src/laws/selecting.ts";
import type { Selector } from "../../src/laws/selectors.ts";
import { dart, dartBudget } from "../../src/methods/dart.ts";
import { fastv } from "../../src/methods/fastv.ts";
import type { Method } from "../../src/methods/method.ts";
import { nuwa } from "../../src/methods/nuwa/nuwa.ts";
import { VARIANTS } from "../../src/methods/nuwa/variants.ts";
import { prumerge } from "../../src/methods/prumerge.ts";
import { pyramiddrop } from "../../src/methods/pyramiddrop.ts";
import { methodNamed } from "../../src/methods/registry.ts";
import { sparsevlm } from "../../src/methods/sparsevlm/sparsevlm.ts";
import { visionzip } from "../../src/methods/visionzip.ts";

/**
 * The real code of every method, as a selection of patches by one score each. It runs on a made-up model in
 * which every attention says the same: what the class token pays to a patch, what all tokens pay to it in any
 * block, and what the one text token behind the image pays to it in any layer. So it does not matter which of them a
 * method ranks by.
 */

/** How to ask for k patches where the registry's average does not mean that. */
const ASKING_FOR: Readonly<Record<string, (keep: number, regionSize: number) => Method>> = {
  // Stage 2 keeps what stage 1 kept.
  nuwa: (keep, regionSize) =>
    nuwa({ ...VARIANTS.official, budget: { stage1: keep, stage2: keep }, cutLayer: 1, regionSize }),
  // One cut before layer 1; an average would count the layer before it, too.
  fastv: (keep) => fastv({ keep, layer: 1 }),
  sparsevlm: (keep) => sparsevlm({ stages: [{ layer: 1, keep }] }),
  dart: (keep) => dart(dartBudget(keep, 1)),
  pyramiddrop: (keep) => pyramiddrop({ stages: [{ layer: 1, keep }] }),
  // The class token and the extra token stand for no patch. Of 64 patches 10 are contextual, as published.
  visionzip(keep) {
    const contextual = Math.round((keep * 10) / 64);
    return visionzip({ dominant: keep - contextual + 1, contextual });
  },
  prumerge: (keep) => prumerge({ keep: keep + 1, neighbours: 1 }),
};

/**
 * A method of the registry as a selection. A new method needs a line above only where an average of k tokens is not k
 * patches.
 */
export function selectorOf(name: string): Selector {
  return (scores, grid, { keep, regionSize }) =>
    keptBy(
      ASKING_FOR[name]?.(keep, regionSize) ??
        factoryOf(methodNamed(name))(configFor(grid), { average: { tokens: keep } }),
      scores,
      grid,
    );
}
