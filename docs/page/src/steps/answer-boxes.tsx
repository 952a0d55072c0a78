import { computed } from "@preact/signals";
import type { Box } from "../../../../src/core/boxes.ts";
import { mark } from "../../../../src/eval/tasks/marking.ts";
import { type Truth, truthOf } from "../../../../src/world/reading.ts";
import { answerA, answerUnpruned, question, scene } from "../state/state.ts";
import "./answer-boxes.css";

/** The true answer to the question; undefined where the world has none. */
export const truth = computed<Truth | undefined>(() => truthOf(scene.value, question.value));

/** What an answer is worth, in words: `right, IoU 0.83`. Empty where nothing is known of the question. */
export function verdict(said: string | undefined): string {
  const known = truth.value;
  if (!known || said === undefined) return "";
  const { correct, iou } = mark(known, said);
  return `${correct ? "right" : "wrong"}${iou === null ? "" : `, IoU ${iou.toFixed(2)}`}`;
}

/** A box of the picture, drawn so that it is told apart without colour. */
export function AnswerBox({ box, kind, side }: { readonly box: Box; readonly kind: BoxKind; readonly side: number }) {
  const [x0, y0, x1, y1] = box.map((edge) => edge * side);
  const place = { x: x0, y: y0, width: Math.max(0, x1 - x0), height: Math.max(0, y1 - y0), fill: "none" };
  return (
    <g class={`answer-box ${kind}`}>
      <rect {...place} class="below" />
      <rect {...place} />
    </g>
  );
}

/** Whose box it is. */
export type BoxKind = "truth" | "unpruned" | "pruned";

/** The three boxes of the question over the scene. */
export function AnswerBoxes({ side }: { readonly side: number }) {
  const boxes: readonly (readonly [BoxKind, Box | undefined])[] = [
    ["truth", truth.value?.box],
    ["unpruned", answerUnpruned.value.value?.box],
    ["pruned", answerA.value.value?.box],
  ];
  return (
    <g pointer-events="none">{boxes.map(([kind, box]) => box && <AnswerBox key={kind} {...{ kind, box, side }} />)}</g>
  );
}

/** What the three boxes look like, and how well each fits. */
export function BoxLegend() {
  const rows: readonly (readonly [BoxKind, string])[] = [
    ["truth", `the truth: ${truth.value?.answer ?? "not known, the question is none about this scene"}`],
    ["unpruned", line("unpruned model", answerUnpruned.value.value?.text)],
    ["pruned", line("pruned model", answerA.value.value?.text)],
  ];
  return (
    <ul class="legend">
      {rows.map(([kind, said]) => (
        <li key={kind}>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <AnswerBox box={[0.1, 0.1, 0.9, 0.9]} kind={kind} side={24} />
          </svg>
          {said}
        </li>
      ))}
    </ul>
  );
}

function line(who: string, said: string | undefined): string {
  if (said === undefined) return `${who}: …`;
  const worth = verdict(said);
  return `${who}: ${said}${worth && ` (${worth})`}`;
}
