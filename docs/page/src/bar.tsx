import { current } from "./state/live.ts";
import { answerA, answerUnpruned, computing, methodA, question } from "./state/state.ts";
import { answerText, misfit, verdict } from "./steps/answer-boxes.tsx";
import "./bar.css";

/** What is asked and answered, at the top of the screen wherever one reads. */
export function Bar() {
  const unpruned = methodA.value === "none" ? [] : ([["unpruned", answerUnpruned]] as const);
  return (
    <aside class="answer-bar" aria-label="question and answer">
      <a class="asked" href="#question">
        {question.value}
      </a>
      <p class="answers" role="status" aria-busy={computing.value}>
        {[[methodA.value, answerA] as const, ...unpruned].map(([who, answer]) => {
          const told = current(answer.value);
          const [word, fit] = verdict(answer.value).split(", ");
          return (
            <span key={who} class="one">
              {who}: {told ? <b class={told.box && word ? "box" : undefined}>{answerText(told)}</b> : "…"}{" "}
              {word && (
                <>
                  {word === "right" ? "✓" : "✗"} <span class="word">{fit ? `${word},` : word}</span> {fit}
                </>
              )}
            </span>
          );
        })}
        {misfit.value && <span class="one">not marked</span>}
      </p>
      <p class="busy">{computing.value && "computing…"}</p>
    </aside>
  );
}
