import { printable, UsageError } from "../../core/errors.ts";
import type { Mark } from "../../eval/tasks/marking.ts";
import { averageTokens, enteringPerLayer, type SampleLedger } from "../../methods/ledger.ts";
import type { Answer } from "../../pipeline/answer.ts";
import { judged, malformation, type Said } from "../../view/verdict.ts";
import { describeMark } from "./scene-truth.ts";

/** Averages as shares of all visual tokens: ninths, as the paper's 1/9, 2/9 and 1/3, and halves of the least below. */
const LADDER = ["1/72", "1/36", "1/18", "1/9", "2/9", "1/3", "4/9", "5/9", "2/3", "7/9", "8/9"] as const;

/** The averages of the ladder above what a run had, the least first; all are fewer than all tokens. */
export function averagesAbove(ledger: SampleLedger): string[] {
  const entered = averageTokens(enteringPerLayer(ledger));
  // Half a token is no more: a method that rounds to whole tokens would be asked for the same once again.
  return LADDER.filter((average) => {
    const [over, under] = average.split("/").map(Number);
    const tokens = (over / under) * ledger.total;
    return tokens > entered + 0.5;
  });
}

/** An average that was tried, and what came out. */
export interface Tried {
  readonly average: string;
  /** Visual tokens that entered a decoder layer, averaged; undefined, as `answer`, where there is no such average. */
  readonly entering?: number;
  readonly answer?: string;
  /** Whether the unpruned answer holds. */
  readonly holds: boolean;
  /** In words. */
  readonly verdict: string;
  /** Where the truth is known. */
  readonly mark?: Mark;
}

/** A run whose answer may not hold. */
export interface Doubtful {
  readonly pruned: Answer;
  readonly unpruned: Answer;
  /** Tokens that an answer may have. */
  readonly most: number;
  /** Whether the method can be asked for an average. */
  readonly hasBudget: boolean;
  /** Whether to look for an average that holds, rather than to say how. */
  readonly exploring: boolean | undefined;
}

/**
 * Says what is wrong with a pruned answer, if anything is, and which average to try next; or asks with more and more
 * visual tokens until the unpruned answer holds.
 *
 * @param ask asks once more at an average; a UsageError says that the method has no such average
 * @param marked marks an answer, where the truth is known
 * @param say prints a line
 * @returns the averages that were tried, of which only the last one may hold; undefined without exploring
 */
export async function explore(
  doubtful: Doubtful,
  ask: (average: string) => Promise<Answer>,
  marked: (answer: string) => Mark | undefined,
  say: (label: string, text: string) => void,
): Promise<Tried[] | undefined> {
  const { pruned, unpruned, hasBudget, exploring } = doubtful;
  const concern = concernOf(doubtful);
  if (!concern) {
    if (exploring) say("explore", "the answer holds at the average that was asked for");
    return undefined;
  }
  const ledger = pruned.ledger as SampleLedger;
  const [next, ...higher] = concern.mendable && hasBudget ? averagesAbove(ledger) : [];
  if (next === undefined || !exploring) {
    const advice =
      next === undefined
        ? ""
        : `. Next to try: --average ${next}; --explore tries it and larger ones until the answer holds`;
    say("note", `${concern.words}${advice}`);
    return undefined;
  }
  say("note", concern.words);
  const tried: Tried[] = [];
  for (const average of [next, ...higher]) {
    const one = { average, ...(await tryAverage(() => ask(average), unpruned, marked)) };
    tried.push(one);
    say("explore", describeTried(one, ledger.total));
    if (one.holds) break;
  }
  const last = tried[tried.length - 1];
  say(
    "explore",
    last.holds
      ? `of these the answer first holds at --average ${last.average}`
      : `it holds at no average tried, up to ${last.average}`,
  );
  return tried;
}

async function tryAverage(
  ask: () => Promise<Answer>,
  unpruned: Said,
  marked: (answer: string) => Mark | undefined,
): Promise<Omit<Tried, "average">> {
  try {
    const answer = await ask();
    const { holds, words: verdict } = judged(unpruned, answer);
    const entering = averageTokens(enteringPerLayer(answer.ledger as SampleLedger));
    return { entering, answer: answer.text, holds, verdict, mark: marked(answer.text) };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { holds: false, verdict: error.message };
  }
}

/** A line about an average that was tried. */
export function describeTried({ average, entering, answer, verdict, mark }: Tried, total: number): string {
  if (entering === undefined || answer === undefined) return `${average}: ${verdict}`;
  const comments = [verdict, ...(mark ? [describeMark(mark)] : [])].join("; ");
  return `${average} (${Number(entering.toFixed(2))} of ${total} visual tokens): ${printable(answer)} (${comments})`;
}

/** What is wrong with a pruned answer beside the unpruned one. */
interface Concern {
  readonly words: string;
  /** Whether more visual tokens may help. */
  readonly mendable: boolean;
}

/** @returns undefined when the answer holds */
function concernOf({ unpruned, pruned, most }: Doubtful): Concern | undefined {
  if (judged(unpruned, pruned).holds && malformation(pruned) === undefined) return undefined;
  const malformed = (answer: Answer): string | undefined => {
    const form = malformation(answer);
    return form && answer.ids.length >= most ? `${form}, cut off by --max-new-tokens ${most}` : form;
  };
  const [before, after] = [malformed(unpruned), malformed(pruned)];
  if (before !== undefined)
    return { words: `the unpruned answer itself is ${before}: more visual tokens do not mend it`, mendable: false };
  const words =
    after === undefined ? "the pruned answer differs from the unpruned one" : `the pruned answer is ${after}`;
  return { words, mendable: true };
}
