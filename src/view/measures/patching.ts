import type { Patching } from "../../analysis/patching.ts";
import { heat } from "../plots/heat.ts";
import { stacked } from "../plots/panel.ts";
import { listOf, type MeasureRecord, type RecordFacts, rounded, rowsOf } from "./record.ts";

/**
 * What states of another picture do to the next token, see `activationPatching`.
 *
 * @param groups what the groups of positions are called; the first is all visual tokens
 */
export function patchingRecord(
  { layers, logits, effects, own, source, token }: Patching,
  groups: readonly string[],
  { wordOf }: RecordFacts,
  sourceName: string,
): MeasureRecord {
  const word = wordOf(token);
  return {
    entries: [
      ["patching.layers", listOf(Int32Array.from(layers))],
      ["patching.logits_last", rowsOf(logits.map(([visual]) => visual))],
    ],
    json: {
      source: sourceName,
      nextToken: word,
      logit: { own, source },
      layers,
      positions: groups,
      changeOfLogit: effects.map(rounded),
    },
    figure: {
      title: "activation patching",
      caption:
        `Change of the logit of “${word}” (${own.toFixed(2)} here, ${source.toFixed(2)} in the other run: ` +
        `${sourceName}) when the states of that run take the place of this run's at some positions before one layer.`,
      svg: () =>
        stacked([
          heat("layer × position", {
            columns: layers.map(String),
            rows: groups,
            values: groups.map((_, group) => layers.map((_, layer) => effects[layer][group])),
            unit: `change of the logit of “${word}”`,
            signed: true,
            cell: { width: 34, height: 18 },
          }),
        ]),
    },
  };
}
