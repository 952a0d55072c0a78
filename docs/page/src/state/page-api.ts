import type { NuwaPage } from "./nuwa-page.ts";
import { answerA, average, chosen, client, methodA, positions, seed } from "./state.ts";

/** The page as `window.nuwaPage`. */
export function pageApi(ready: Promise<void>): NuwaPage {
  return {
    ready,
    async tensors() {
      await ready;
      return client.value?.tensors() ?? 0;
    },
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
