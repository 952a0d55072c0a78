import { answerA, average, chosen, methodA, positions, seed } from "./state.ts";

/** What programs outside, such as tests, can ask the page. */
export interface NuwaPage {
  /** Fulfilled when the model is loaded and the first answer is there. */
  readonly ready: Promise<void>;
  state(): {
    readonly seed: number;
    readonly budget: number;
    readonly method: string;
    readonly positions: string;
    /** Cells that stage 1 keeps. */
    readonly kept: readonly number[];
    /** Their position ids. */
    readonly ids: readonly number[];
    readonly answer: string;
    readonly box?: readonly number[];
    /** Whether something is being computed. */
    readonly busy: boolean;
    /** Scores of the first answer token. */
    readonly logits: readonly number[];
  };
}

/** The page as `window.nuwaPage`. */
export function pageApi(ready: Promise<void>): NuwaPage {
  return {
    ready,
    state: () => ({
      seed: seed.value,
      budget: average.value,
      method: methodA.value,
      positions: positions.value,
      kept: chosen.value.value?.cells ?? [],
      ids: chosen.value.value?.ids ?? [],
      answer: answerA.value.value?.text ?? "",
      box: answerA.value.value?.box,
      busy: chosen.value.busy || answerA.value.busy,
      logits: [...(answerA.value.value?.logits ?? [])],
    }),
  };
}
