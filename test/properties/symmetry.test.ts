import { selectionCases } from "../../src/laws/generators/selections.ts";
import * as laws from "../../src/laws/selection.ts";
import { law } from "./law.ts";
import { nuwaStage1 } from "./selectors.ts";

/** Family: what may be done to the scores or the grid without changing, or with changing alike, what stage 1 keeps. */

law("Scaling all scores by a positive constant changes nothing.", selectionCases(), laws.ignoresScale(nuwaStage1));
law(
  "Only the order of the scores counts, equal scores in raster order: ranks select the same.",
  selectionCases(),
  laws.seesOnlyOrder(nuwaStage1),
);
law("Raising the score of a kept patch never drops it.", selectionCases(), laws.keepsWhatRises(nuwaStage1));
law("Lowering the score of a dropped patch never keeps it.", selectionCases(), laws.keepsDroppedWhatFalls(nuwaStage1));
law(
  "Transposing the grid transposes the anchors, away from ties, for every region size.",
  selectionCases({ kind: "distinct" }),
  laws.transposes(nuwaStage1),
);
law(
  "Mirroring the grid mirrors the anchors, away from ties, where the regions divide the width.",
  selectionCases({ kind: "distinct", max: 24 }),
  laws.mirrors(nuwaStage1),
);
law(
  "Turning the grid upside down turns the anchors, away from ties, where the regions divide the height.",
  selectionCases({ kind: "distinct", max: 24 }),
  laws.turnsUpsideDown(nuwaStage1),
);
