import { computed } from "@preact/signals";
import type { Box } from "../../../../src/core/boxes.ts";
import { mark } from "../../../../src/eval/tasks/marking.ts";
import { boxText } from "../../../../src/world/coordinates.ts";
import { type Misfit, misfitOf } from "../../../../src/world/misfit.ts";
import { type Truth, truthOf } from "../../../../src/world/reading.ts";
import type { Told } from "../model/protocol.ts";
import { current, type Live } from "../state/live.ts";
import { answerA, answerOriginal, answerUnpruned, methodA, positions, question, scene } from "../state/state.ts";
import "./answer-boxes.css";

/** The true answer to the question; undefined where the world has none. */
export const truth = computed<Truth | undefined>(() => truthOf(scene.value, question.value));

/** Why there is no true answer, in a sentence or two; undefined where there is one. */
export const misfit = computed<string | undefined>(() => {
  const found = misfitOf(scene.value, question.value);
  return found && inWords(found);
});

function inWords(found: Misfit): string {
  switch (found.why) {
    case "none":
      return `There is no ${found.words} in this scene. The model cannot say so: it answers all the same.`;
    case "several":
      return `There are several shapes that are a ${found.words}, so no answer is right or wrong.`;
    case "unclear":
      return "Which shape is meant, or where it lies, is too close to call here, so no answer is right or wrong.";
    case "unheard":
      return "The page cannot mark this answer: it knows questions that are put like those offered.";
  }
}

/** What an answer is worth, in words: `right, IoU 0.83`. Empty where it cannot be marked, or is of an earlier state. */
export function verdict(answer: Live<Told>): string {
  const [known, told] = [truth.value, current(answer)];
  if (!known || !told) return "";
  const { correct, iou } = mark(known, told.text);
  return `${correct ? "right" : "wrong"}${iou === null ? "" : `, IoU ${iou.toFixed(2)}`}`;
}

/** An answer as the page writes it: a box as the truth is written. */
export function answerText({ text, box }: Told): string {
  return box && /^\[[^[\]]*\]$/.test(text) ? boxText(box) : text;
}

/** A box of the picture, drawn so that it is told apart without colour. */
export function AnswerBox({ box, kind, side, old = false }: AnswerBoxProps) {
  const [x0, y0, x1, y1] = box.map((edge) => edge * side);
  const place = { x: x0, y: y0, width: Math.max(0, x1 - x0), height: Math.max(0, y1 - y0), fill: "none" };
  return (
    <g class={`answer-box ${kind}`} opacity={old ? 0.3 : undefined}>
      <rect {...place} class="below" />
      <rect {...place} />
    </g>
  );
}

interface AnswerBoxProps {
  readonly box: Box;
  readonly kind: BoxKind;
  readonly side: number;
  /** It is of an earlier state. */
  readonly old?: boolean;
}

/** Whose box it is; `original`: the pruned model's with the ids of the unpruned one. */
export type BoxKind = "truth" | "unpruned" | "original" | "pruned";

/** The boxes of the question over the scene. */
export function AnswerBoxes({ side }: { readonly side: number }) {
  const boxes: readonly (readonly [BoxKind, Box | undefined, boolean?])[] = [
    ["truth", truth.value?.box],
    ...(
      [
        ["unpruned", answerUnpruned.value],
        ["original", answerOriginal.value],
        ["pruned", answerA.value],
      ] as const
    ).map(([kind, { value, old }]) => [kind, value?.box, old] as const),
  ];
  return (
    <g pointer-events="none">
      {boxes.map(([kind, box, old]) => box && <AnswerBox key={kind} {...{ kind, box, old, side }} />)}
    </g>
  );
}

/** What the boxes look like, and how well each fits. */
export function BoxLegend() {
  const rows: readonly (readonly [BoxKind, string])[] = [
    ["truth", `the truth: ${truth.value?.answer ?? "none"}`],
    ["unpruned", line("unpruned model", answerUnpruned.value)],
    ["pruned", line(`${methodA.value}, ${positions.value} ids`, answerA.value)],
    ...(answerOriginal.value.value || answerOriginal.value.busy
      ? [["original", line(`${methodA.value}, original ids, to compare`, answerOriginal.value)] as const]
      : []),
  ];
  return (
    <>
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
      <p class="waiting">
        {misfit.value ??
          (truth.value?.box
            ? "A box is [left, top, right, bottom], in shares of the picture's side; IoU is its overlap with the truth."
            : "This question is not answered by a box. Ask where something is to see one.")}
      </p>
    </>
  );
}

function line(who: string, answer: Live<Told>): string {
  const told = current(answer);
  if (!told) return `${who}: ${answer.busy ? "computing…" : "…"}`;
  const worth = verdict(answer);
  return `${who}: ${answerText(told)}${worth && ` (${worth})`}`;
}
