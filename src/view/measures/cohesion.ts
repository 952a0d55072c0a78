import type { ObjectCohesion } from "../../analysis/cohesion.ts";
import { enteringPerLayer } from "../../methods/ledger.ts";
import { lines } from "../plots/lines.ts";
import { stacked } from "../plots/panel.ts";
import { listOf, type MeasureRecord, named, type RecordFacts, rounded } from "./record.ts";

/** How well states keep an object together, see `objectCohesion`. */
export function cohesionRecord(found: ObjectCohesion, { gridNames, pass }: RecordFacts): MeasureRecord {
  const isWhole = enteringPerLayer(pass.ledger).every((count) => count === pass.ledger.total);
  const chance = (share: number) => share / (2 - share);
  return {
    entries: found.flatMap((states, grid) =>
      (["vision", "llm"] as const).map(
        (part) => [named(`object.cohesion.${part}`, grid), listOf(states[part])] as const,
      ),
    ),
    json: found.map(({ grid, share, vision, llm }, i) => ({
      grid: { name: gridNames[i] || undefined, ...grid },
      shareOfPatchesInBox: share,
      chance: chance(share),
      visionStates: rounded(vision),
      decoderStates: rounded(llm),
    })),
    figure: {
      title: "object-centric cohesion",
      caption:
        "Of the patches in the box and those most alike to the one in its middle, as many of each: how many are both " +
        "(intersection over union). Dashed: what a random choice has." +
        (isWhole
          ? ""
          : " None is drawn for the decoder: of the few cells that are left a random choice has more, " +
            "and where none of them lies in the box the value is 0."),
      svg: () =>
        stacked(
          found.flatMap(({ share, vision, llm }, i) => {
            const references = [{ name: "chance", value: chance(share) }];
            const where = gridNames[i] ? `${gridNames[i]}, ` : "";
            return [
              lines(`${where}vision tower`, [{ name: "cohesion", values: Array.from(vision) }], {
                ...{ x: "state", y: "intersection over union", references },
              }),
              lines(`${where}decoder`, [{ name: "cohesion", values: Array.from(llm) }], {
                ...{ x: "state", y: "intersection over union", references: isWhole ? references : [] },
              }),
            ];
          }),
        ),
    },
  };
}
