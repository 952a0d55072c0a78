import type { TapName } from "../core/tap-points.ts";
import { noTap, type Tap, type Visit } from "../core/taps.ts";
import type { Vlm } from "../model/vlm.ts";
import { duration, type Output } from "../train/engine/progress-report.ts";
import { PLAIN_EVERY } from "./time-left.ts";

/** Shows how far the passes of a model are. */
export interface PassProgress {
  /** Whether anything is shown. */
  readonly isShown: boolean;
  /** Watches the pass, or several one after the other, that go by this name. */
  tap(name: string): Tap;
  /** Takes the line away that was written over. */
  end(): void;
}

/** Points that a layer begins at or ends with. */
const POINT = /^(?:vision\.hidden_states|llm)\.(\d+)(?:\.tokens)?$/;

/**
 * Shows which pass is in which layer, with the time left in the tower or the decoder: as one updating line on a
 * terminal, elsewhere as a line where each of them begins, and one a minute. Only for a model whose layers are read
 * when they are needed: with others a pass takes no time to speak of.
 *
 * @param now milliseconds; a test has its own
 */
export function passProgress(
  output: Output,
  { config: { facts }, turns }: Pick<Vlm, "config" | "turns">,
  now: () => number = () => performance.now(),
): PassProgress {
  if (!turns) return { isShown: false, tap: () => noTap, end: () => undefined };
  let isOpen = false;
  return {
    isShown: true,
    tap(name) {
      /** Of the tower or of the decoder at a step. */
      let part = "";
      let begun = 0;
      let printed = 0;
      const show = (point: TapName, { step = 0 }: Visit) => {
        const [, digits] = POINT.exec(point) ?? [];
        const isTower = point.startsWith("vision");
        const [done, of] = [Number(digits), isTower ? facts.visionBlocks : facts.layers];
        const here = isTower ? "tower, block" : step === 0 ? "decoder, layer" : `token ${step + 1}, layer`;
        const time = now();
        const isFirst = here !== part;
        if (isFirst) [part, begun] = [here, time];
        // Decoding steps are many.
        const begins = isFirst && step <= 1;
        if (done === of || !(output.isTTY || begins || time - printed >= PLAIN_EVERY)) return;
        printed = time;
        const left = done > 0 ? `, ${duration(((of - done) * (time - begun)) / 1000 / done)} left` : "";
        const line = `${name}: ${here} ${done + 1}/${of}${left}`;
        output.write(output.isTTY ? `\r${line}\u001b[K` : `${line}\n`);
        isOpen = output.isTTY === true;
      };
      const tap: Tap = (point, x, visit = {}) => {
        if (POINT.test(point)) show(point, visit);
        return x;
      };
      return Object.assign(tap, { wants: (point: TapName) => POINT.test(point) });
    },
    end() {
      if (isOpen) output.write("\r\u001b[K");
      isOpen = false;
    },
  };
}
