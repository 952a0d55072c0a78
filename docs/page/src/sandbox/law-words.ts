/** Laws that are told together. */
export type LawGroup = "any" | "scores" | "regions" | "passes";

/** A law in the words of the page. */
export interface LawWords {
  readonly group: LawGroup;
  readonly said: string;
  /** What the law compares, where it says "expected …, got …". */
  readonly measured?: string;
  /** What the pruner was asked of, one call after the other, where the law asks more than once. */
  readonly calls?: readonly string[];
}

/** What the groups are called, in the order in which they are told. */
export const LAW_GROUPS: Readonly<Record<LawGroup, string>> = {
  any: "Any pruner",
  scores: "Choosing by scores",
  regions: "Spreading over regions, as Nüwa does: other pruners may have reasons to break these",
  passes: "Whole runs of a model: these hold for every pruner that returns patches",
};

const FARTHEST = "distance from the farthest patch to the nearest kept one, in patches";
const KEPT = "kept patches";

/** By the beginning of the sentence that a law has in the documents, in their order. */
export const WORDS: Readonly<Record<string, LawWords>> = {
  "What a method": { group: "any", said: "It keeps at least one patch, none twice, and only patches of the grid." },
  "Keeping all patches": { group: "any", said: "Asked for all patches, it keeps all of them.", measured: KEPT },
  "The same scores": {
    group: "any",
    said: "Asked twice with the same scores, it keeps the same patches.",
    measured: KEPT,
    calls: ["the first time", "the second time"],
  },
  "Within a region": {
    group: "regions",
    said: "What it keeps of a region are the best patches there; of equal scores, the patch that comes first.",
    measured: "place of the worst kept patch in its region, the best one at place 0",
  },
  "A dropped patch": {
    group: "regions",
    said: "It drops a patch better than one kept elsewhere only where its region holds n kept patches already.",
    measured: "a region with fewer than n kept patches has a dropped one that is better than a kept one elsewhere",
  },
  "Scaling all scores": {
    group: "scores",
    said: "Multiplying all scores by the same positive number changes nothing.",
    measured: KEPT,
    calls: ["scores times a constant", "the scores as they were"],
  },
  "Only the order": {
    group: "scores",
    said: "Only which score is higher counts, not by how much; of equal scores, the patch that comes first is better.",
    measured: KEPT,
    calls: ["ranks in place of scores", "the scores"],
  },
  "Raising the score": {
    group: "scores",
    said: "A kept patch whose score rises stays kept.",
    calls: ["the scores as they were", "one score raised"],
  },
  "Lowering the score": {
    group: "scores",
    said: "A dropped patch whose score falls stays dropped.",
    calls: ["the scores as they were", "one score lowered"],
  },
  "Transposing the grid": {
    group: "scores",
    said: "With rows and columns exchanged it keeps the same patches, exchanged; no two scores are equal.",
    measured: "patches kept of the exchanged grid",
    calls: ["the grid", "rows and columns exchanged"],
  },
  "Mirroring the grid": {
    group: "scores",
    said: "Of the picture in a mirror it keeps the same patches, mirrored; no two scores are equal.",
    measured: "patches kept of the mirrored grid",
    calls: ["the grid", "mirrored"],
  },
  "Turning the grid": {
    group: "scores",
    said: "Of the picture upside down it keeps the same patches, upside down; no two scores are equal.",
    measured: "patches kept of the grid upside down",
    calls: ["the grid", "upside down"],
  },
  "With n =": {
    group: "regions",
    said: "Asked for no more patches than there are regions, it keeps no two in one region.",
    measured: "patches kept in the fullest region",
  },
  "No region ever": {
    group: "regions",
    said: "No region holds more than n kept patches.",
    measured: "patches kept in one region",
  },
  "With k =": {
    group: "regions",
    said: "Asked for as many patches as there are regions, it leaves no patch farther than √2 from a kept one.",
    measured: FARTHEST,
  },
  "No scores cover": {
    group: "regions",
    said: "It keeps something in at least m regions: the fewest that can hold k patches with at most n in each.",
    measured: "regions with a kept patch",
  },
  "No scores leave a": {
    group: "regions",
    said: "No patch is farther from the nearest kept one than ρ, the worst that Nüwa can do on this grid with this k.",
    measured: FARTHEST,
  },
  "No scores leave more": {
    group: "regions",
    said: "It leaves no more neighbouring rows, or columns, without a kept patch than Nüwa at its worst.",
    measured: "neighbouring rows or columns without a kept patch",
  },
  "No scores have a larger star": {
    group: "regions",
    said: "Its star discrepancy is no larger than Nüwa's at its worst.",
    measured:
      "star discrepancy: over all boxes from the upper left corner, the largest difference between the share of the " +
      "kept patches that lie in the box and the share of all patches",
  },
  "No scores have a larger mean": {
    group: "regions",
    said: "The mean distance from a patch to the nearest kept one is no larger than the bound for Nüwa.",
    measured: "mean distance from a patch to the nearest kept one, in patches",
  },
  "Every layer sees": {
    group: "passes",
    said: "Each decoder layer gets at least one visual token of each picture, at most one for a patch, and no others.",
  },
  "The text goes": {
    group: "passes",
    said: "The text goes through all layers whole and in order, with the visual tokens where the picture stood.",
  },
  "Text counts on": {
    group: "passes",
    said:
      "The text's position ids count from 0 up to the picture and go on behind it where the whole picture would " +
      "end; under compressed ids, where what is left of it ends.",
  },
  "A visual token": {
    group: "passes",
    said: "A visual token has the position id that the policy (original, compressed, rpme, ppe) gives its patch.",
  },
  "The ledger records": {
    group: "passes",
    said: "The ledger, which records the tokens that enter each layer, agrees with what is in the layers' caches.",
  },
  "A dump has": {
    group: "passes",
    said: "A dump, the file in which a run is saved, has the same tokens as the ledger.",
  },
  "With every method, each": {
    group: "passes",
    said: "Two pictures that are computed together give what each gives alone.",
  },
  "The same inputs": {
    group: "passes",
    said: "The same input and seed give the same result to the bit, and nothing else stays in memory.",
  },
  "With every method, decoding": {
    group: "passes",
    said: "Going on from the caches gives what computing the longer prompt anew gives.",
  },
  "Where no token": {
    group: "passes",
    said:
      "The result is that of the oracle, a second, slower implementation that drops no token and only hides it from " +
      "the others.",
  },
};

/** The words for a law, which is named by its sentence in the documents. */
export function lawWords(sentence: string): LawWords | undefined {
  return Object.entries(WORDS).find(([start]) => sentence.startsWith(start))?.[1];
}
