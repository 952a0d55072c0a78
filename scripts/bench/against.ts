import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { NuwaError } from "../../src/core/errors.ts";
import { Contender, type ContenderOptions } from "./contender.ts";
import { DECODED, measureOnce, median, withoutLeaks } from "./measure.ts";
import type { Shape } from "./shapes.ts";
import { AFTER, BEFORE, subjectOf } from "./subject.ts";

/** What both programs measure; `prefill` is the decoder and the logits of the last token, without splicing. */
export const COMPARED = ["tower", "prefill", "pass", "decode"] as const;

/** Milliseconds. */
export type ComparedTimes = Readonly<Record<(typeof COMPARED)[number], number>>;

/** Ways in which transformers computes attention. */
export const ATTENTIONS = ["eager", "sdpa"] as const;

/** What the turns with transformers found for one model size on one backend. */
export interface AgainstReport {
  readonly backend: string;
  readonly shape: string;
  readonly description: string;
  /** Of both programs. */
  readonly threads: number;
  readonly versions: { readonly torch: string; readonly transformers: string };
  /** Turn by turn. */
  readonly ours: readonly ComparedTimes[];
  readonly theirs: Readonly<Record<(typeof ATTENTIONS)[number], readonly ComparedTimes[]>>;
}

/** Milliseconds between turns: threads of one program that still wait for work shall not meet the next one's. */
const PAUSE = 100;

/**
 * Runs this project and transformers on one model size in turns: ours, eager, sdpa, ours, and so on; the first turn of
 * each is a warm-up. Nothing is pruned. Both have the same shapes, random weights and number of threads.
 *
 * @param python path of a python with torch and transformers
 * @throws NuwaError when python cannot do it, or the model does not fit
 */
export async function compareWithTransformers(
  backend: string,
  shape: Shape,
  runs: number,
  python: string,
  options?: ContenderOptions,
): Promise<AgainstReport> {
  // The wasm backend computes on one thread, tensorflow on all cores.
  const threads = backend === "wasm" ? 1 : availableParallelism();
  const contender = new Contender(python, options);
  try {
    const made = await contender.ask({ do: "make", config: shape.config, threads });
    const subject = subjectOf(shape);
    const { config, model, inputs, unpruned } = subject;
    const patches = config.imageShape.length;
    const words = (count: number) => Array.from({ length: count }, (_, i) => config.imageTokenId + 1 + i);
    const ids = [...words(BEFORE), ...new Array<number>(patches).fill(config.imageTokenId), ...words(AFTER)];
    try {
      const ours: ComparedTimes[] = [];
      const theirs: Record<(typeof ATTENTIONS)[number], ComparedTimes[]> = { eager: [], sdpa: [] };
      for (let run = 0; run <= runs; run++) {
        const { costs } = await withoutLeaks("none", () => measureOnce(model, inputs, unpruned));
        const { "vision tower": tower, prefill, pass, decode } = costs;
        if (run > 0) ours.push({ tower, prefill, pass, decode });
        for (const attention of ATTENTIONS) {
          await sleep(PAUSE);
          const times = timesOf(await contender.ask({ do: "run", attention, threads, ids, decoded: DECODED }));
          if (run > 0) theirs[attention].push(times);
        }
        await sleep(PAUSE);
      }
      const versions = { torch: `${made.torch}`, transformers: `${made.transformers}` };
      const { name, description } = shape;
      return { backend, shape: name, description, threads, versions, ours, theirs };
    } finally {
      subject.dispose();
    }
  } finally {
    contender.stop();
  }
}

/** Times from an answer. @throws NuwaError when they are no numbers */
function timesOf({ steps, ...answer }: Record<string, unknown>): ComparedTimes {
  const numbers = [answer.tower, answer.prefill, answer.pass, ...(Array.isArray(steps) ? steps : [undefined])];
  if (!numbers.every((value) => typeof value === "number"))
    throw new NuwaError("--against: python answered without times. Is test/fixtures/bench of this version?");
  const [tower, prefill, pass, ...decoding] = numbers as number[];
  // The first step makes what the later ones find, as in this project.
  return { tower, prefill, pass, decode: median(decoding) };
}

const NAMES: Readonly<Record<(typeof COMPARED)[number], string>> = {
  tower: "vision tower",
  prefill: "prefill",
  pass: "whole pass",
  decode: "decode per token",
};

/** Prints medians, fastest runs and the ratios pair by pair: this project's time as a multiple of transformers'. */
export function printAgainst({ backend, shape, description, threads, versions, ours, theirs }: AgainstReport): void {
  const { torch, transformers } = versions;
  console.log(`\n${backend}, ${shape}: ${description}`);
  console.log(`against torch ${torch}, transformers ${transformers}, float32, ${threads} threads; not pruned\n`);
  const line = (name: string, cells: readonly string[]) =>
    console.log([name.padEnd(17), ...cells.map((cell) => cell.padStart(19))].join("  ").trimEnd());
  const contenders = [["nuwa", ours] as const, ...ATTENTIONS.map((name) => [name, theirs[name]] as const)];
  const header = [...contenders.map(([name]) => name), ...ATTENTIONS.map((name) => `÷ ${name}`)];
  line(`ms, median of ${ours.length}`, header);
  for (const part of COMPARED) {
    const times = contenders.map(([, all]) => all.map((one) => one[part]));
    const [own, ...others] = times;
    line(NAMES[part], [
      ...times.map((all) => `${median(all).toFixed(1)} (${Math.min(...all).toFixed(1)})`),
      ...others.map((all) => ratioText(own.map((time, i) => time / all[i]))),
    ]);
  }
  console.log("in brackets: the fastest run; of the ratios, the least and the largest of a pair");
}

function ratioText(ratios: readonly number[]): string {
  const [least, middle, most] = [Math.min(...ratios), median(ratios), Math.max(...ratios)];
  return `${middle.toFixed(2)} (${least.toFixed(2)}-${most.toFixed(2)})`;
}
