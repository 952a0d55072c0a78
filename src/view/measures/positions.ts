import * as Plot from "@observablehq/plot";
import type { PositionReconstruction } from "../../analysis/positions.ts";
import { POSITION_POLICIES, type PositionPolicy } from "../../methods/nuwa/positions.ts";
import { type Panel, PLOT_WIDTH, plotted, stacked } from "../plots/panel.ts";
import { listOf, type MeasureRecord, type RecordFacts } from "./record.ts";

/** What the model answers under a position policy. */
export interface PolicyAnswer {
  readonly text: string;
  /** What is wrong with its form, see `malformation`. */
  readonly malformed?: string;
  /** Intersection over union of its box with the unpruned answer's, where both have one. */
  readonly overlap?: number;
}

/** A method under each position policy, see `positionReconstruction`. */
export function positionsRecord(
  found: PositionReconstruction,
  answers: Partial<Readonly<Record<PositionPolicy, PolicyAnswer>>>,
  { wordOf }: RecordFacts,
): MeasureRecord {
  return {
    entries: POSITION_POLICIES.flatMap((policy) => {
      const { ids, logits } = found[policy];
      const values = Int32Array.from(ids.flat());
      return [
        [`positions.${policy}.ids`, { shape: [ids.length, ids[0]?.length ?? 1], values }],
        [`positions.${policy}.logits`, listOf(logits)],
      ] as const;
    }),
    json: Object.fromEntries(
      POSITION_POLICIES.map((policy) => {
        const { ids, token, divergence } = found[policy];
        const { text, malformed, overlap } = answers[policy] ?? {};
        const written = { answer: text, malformed, overlapWithUnpruned: overlap };
        return [policy, { ...written, nextToken: wordOf(token), divergenceFromUnprunedInBits: divergence, ids }];
      }),
    ),
    figure: {
      title: "position reconstruction",
      caption:
        "Position ids of the visual tokens under each policy, one mark a token (first axis), and how far the next " +
        "token's distribution then is from the unpruned model's (Kullback-Leibler divergence).",
      svg: () => stacked([ruler(found, answers)]),
    },
  };
}

const HEIGHT = 230;
/** Letters of an answer that stand beside its ids, and of one whose form is wrong, which is said behind it. */
const [SHOWN, SHOWN_MALFORMED] = [40, 24];

/** An answer, and what is wrong with its form. */
function said({ text, malformed }: PolicyAnswer): string {
  const letters = [...text];
  const most = malformed === undefined ? SHOWN : SHOWN_MALFORMED;
  const shown = letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : text;
  return malformed === undefined ? shown : `${shown} (${malformed})`;
}

/** The ids of each policy on one axis. */
function ruler(found: PositionReconstruction, answers: Partial<Readonly<Record<PositionPolicy, PolicyAnswer>>>): Panel {
  const marks = POSITION_POLICIES.flatMap((policy) => found[policy].ids.map(([id]) => ({ policy, id })));
  const notes = POSITION_POLICIES.map((policy) => {
    const answer = answers[policy];
    const named = answer ? `${policy}: ${said(answer)}` : policy;
    return { policy, text: `${named}, ${found[policy].divergence.toFixed(3)} bits from unpruned` };
  });
  const svg = plotted({
    height: HEIGHT,
    marginLeft: 20,
    marginTop: 10,
    marginBottom: 40,
    x: { label: "position id" },
    y: { axis: null, domain: [...POSITION_POLICIES], type: "band", padding: 0.5 },
    marks: [
      Plot.tickX(marks, { x: "id", y: "policy", stroke: "#0072B2", strokeWidth: 1.5 }),
      Plot.text(notes, { y: "policy", text: "text", frameAnchor: "left", textAnchor: "start", dy: -26 }),
    ],
  });
  return { title: "ids of the visual tokens in layer 0", width: PLOT_WIDTH, height: HEIGHT, svg };
}
