import { averageCount, parseAverage } from "../../methods/budget.ts";
import { averageTokens } from "../../methods/ledger.ts";
import type { Setting } from "./settings.ts";

/**
 * What to say of a setting whose visual tokens are not as many as were asked for: a method that keeps
 * everything in its first layers cannot reach small averages, and whole grids or halvings hit some only.
 *
 * @param entering visual tokens that entered each decoder layer
 * @param total visual tokens of the unpruned model
 * @returns undefined when the average is met within half a token or 1 %, or none was asked for
 */
export function missedAverage(
  { method, variant, average }: Pick<Setting, "method" | "variant" | "average">,
  entering: readonly number[],
  total: number,
): string | undefined {
  if (average === null) return undefined;
  const asked = averageCount(parseAverage(average), total);
  const entered = averageTokens(entering);
  if (Math.abs(entered - asked) <= Math.max(0.5, asked / 100)) return undefined;
  const name = variant === null ? method : `${method} (${variant})`;
  return (
    `${name} at ${average}: enters ${entered.toFixed(1)} tokens a layer, ` +
    `not ${asked.toFixed(1)}${reason(entering, entered > asked, total)}`
  );
}

function reason(entering: readonly number[], tooMany: boolean, total: number): string {
  const full = entering.findIndex((count) => count < total);
  if (!tooMany || full < 1) return "";
  return full === 1 ? ": its first layer keeps everything" : `: its first ${full} layers keep everything`;
}
