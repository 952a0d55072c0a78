import { BLOCKED, type BlockedLogits, type Blocking, QUARTERS } from "../../analysis/blocking.ts";
import { indexOfLargest } from "../../core/ranking.ts";
import { heat } from "../plots/heat.ts";
import { stacked } from "../plots/panel.ts";
import { listOf, type MeasureRecord, probabilityOf, type RecordFacts } from "./record.ts";

const WHO: Readonly<Record<Blocking, string>> = {
  vision_vision: "visual tokens do not see each other",
  text_vision: "text does not see the picture",
  last_vision: "the last token does not see the picture",
};

/** The next token when a segment does not see the picture, see `attentionBlocking`. */
export function blockingRecord(
  blocked: BlockedLogits,
  { pass, wordOf }: RecordFacts,
  logits: Float32Array,
): MeasureRecord {
  const kinds = Object.keys(BLOCKED) as Blocking[];
  const { token } = pass;
  const after = kinds.map((kind) => blocked[kind].map((values) => probabilityOf(values, token)));
  const said = kinds.map((kind) => blocked[kind].map((values) => wordOf(indexOfLargest(values))));
  const word = wordOf(token);
  return {
    entries: kinds.flatMap((kind) =>
      blocked[kind].map((values, quarter) => [`llm.blocked.${kind}.${quarter}`, listOf(values)] as const),
    ),
    json: {
      nextToken: word,
      probability: probabilityOf(logits, token),
      quarters: QUARTERS,
      blocked: kinds.map((kind, i) => ({
        kind,
        meaning: WHO[kind],
        probabilityOfNextToken: after[i],
        nextTokenThen: said[i],
      })),
    },
    figure: {
      title: "attention blocking",
      caption:
        `Probability of “${word}” (${probabilityOf(logits, token).toFixed(2)} with nothing blocked) when a part of ` +
        "the sequence does not see the visual tokens in one quarter of the layers; in the cell the word that is then " +
        "the most probable.",
      svg: () =>
        stacked([
          heat("One quarter of the layers at a time; written in a cell: the word then predicted", {
            columns: Array.from({ length: QUARTERS }, (_, q) => layersOf(q, pass.ledger.layers)),
            rows: kinds.map((kind) => WHO[kind]),
            values: after,
            words: said,
            unit: `probability of “${word}”`,
            cell: { width: 84, height: 34 },
          }),
        ]),
    },
  };
}

function layersOf(quarter: number, layers: number): string {
  const [from, to] = [quarter, quarter + 1].map((q) => Math.floor((q * layers) / QUARTERS));
  return from === to ? "no layer" : to === from + 1 ? `layer ${from}` : `layers ${from}–${to - 1}`;
}
