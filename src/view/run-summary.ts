import type { ExactCost } from "../analysis/cost/meter.ts";
import { costOf, unprunedCost } from "../analysis/cost/paper.ts";
import { averageTokens, enteringPerLayer, leavingPerLayer, type SampleLedger } from "../methods/ledger.ts";
import type { VlmConfig } from "../model/vlm.ts";

/**
 * One line per stage: what it kept, the visual tokens per layer, and what that saves.
 *
 * @param exact what the run and the unpruned one cost, as measured
 */
export function describeRun(
  ledger: SampleLedger,
  config: VlmConfig,
  exact: { readonly pruned: ExactCost; readonly unpruned: ExactCost },
): string[] {
  const counts = enteringPerLayer(ledger);
  const pillars = ledger.tokens.filter((token) => token.pillar).length;
  const roles = ledger.tokens.some((token) => token.pillar !== undefined)
    ? `: ${pillars} pillars, ${counts[0] - pillars} collectors`
    : "";
  const cuts = counts.flatMap((count, layer) =>
    layer > 0 && count !== counts[layer - 1]
      ? [`${counts[layer - 1]} → ${count} before decoder layer ${layer} (of ${counts.length}, from 0)`]
      : [],
  );
  const [pruned, whole] = [costOf(ledger, config.text), unprunedCost(ledger, config.text)];
  return [
    `stage 1    ${ledger.total} → ${counts[0]} visual tokens${roles}`,
    ...(cuts.length ? cuts : ["nothing dropped inside the decoder"]).map((cut) => `stage 2    ${cut}`),
    `per layer  ${counts.join(" ")} (average ${trim(averageTokens(counts))} of ${ledger.total})`,
    `           counted where they leave a layer: average ${trim(averageTokens(leavingPerLayer(ledger)))}`,
    `saves      ${percentLess(pruned.flops, whole.flops)} of the decoder's FLOPs for visual tokens ` +
      `(${giga(whole.flops)} → ${giga(pruned.flops)} GFLOP, the paper's formula)`,
    `           ${percentLess(exact.pruned.flops, exact.unpruned.flops)} of all FLOPs before the first word ` +
      `(${giga(exact.unpruned.flops)} → ${giga(exact.pruned.flops)} GFLOP, ` +
      "exact: text, vision tower and selection too)",
    `           ${percentLess(pruned.cacheBytes, whole.cacheBytes)} of their key-value cache ` +
      `(${mebi(whole.cacheBytes)} → ${mebi(pruned.cacheBytes)} MiB)`,
  ];
}

const trim = (value: number) => String(Number(value.toFixed(2)));
const percentLess = (part: number, whole: number) => `${(100 * (1 - part / whole)).toFixed(1)} %`;
const giga = (value: number) => (value / 1e9).toPrecision(3);
const mebi = (bytes: number) => (bytes / 2 ** 20).toPrecision(3);
