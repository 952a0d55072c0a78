import { computed, signal } from "@preact/signals";
import { useId } from "preact/hooks";
import { Waiting } from "./controls.tsx";
import { offeredFor, wish } from "./offered.ts";
import { live } from "./state/live.ts";
import { answerA, asked, client, facts, methodA, question, scene } from "./state/state.ts";
import { misfit, verdict } from "./steps/answer-boxes.tsx";
import "./question.css";

/** Which questions about the scene are offered. */
const round = signal(0);
const offered = live(
  () => ({ drawn: scene.value, which: round.value }),
  async ({ drawn, which }) => offeredFor(drawn, which),
  // While a shape is dragged the questions stay.
  {
    pause: 200,
    first: () => offeredFor(scene.peek()),
  },
);

/** What stands in the field; undefined: the question that was asked. */
const typed = signal<string | undefined>(undefined);
const text = computed(() => typed.value ?? question.value);

/** Words in the field that the model does not know. */
const unknown = live(
  () => (facts.value && client.value ? { worker: client.value, question: text.value } : undefined),
  ({ worker, question: asks }) => worker.ask("unknown", { question: asks }),
  { pause: 100 },
);

/** Asks the model. */
function ask(words: string): void {
  if (words.trim() === "") return;
  wish(words.trim());
  typed.value = undefined;
  asked.value++;
}

/** The question, from chips or typed, and the answer of the first method. */
export function QuestionBar() {
  return (
    <section class="question" id="question" aria-labelledby="question-title">
      <h2 id="question-title">Ask about the scene</h2>
      <Chips />
      <Typed />
      <AnswerLine />
    </section>
  );
}

function Chips() {
  return (
    <div class="chips">
      {offered.value.value?.map(({ text: words }) => (
        <button key={words} type="button" aria-pressed={words === question.value} onClick={() => ask(words)}>
          {words}
        </button>
      ))}
      <button
        type="button"
        onClick={() => {
          round.value++;
        }}
      >
        other questions
      </button>
    </div>
  );
}

function Typed() {
  const id = useId();
  const words = text.value;
  const lacking = unknown.value.value ?? [];
  return (
    <form
      class="typed-question"
      onSubmit={(event) => {
        event.preventDefault();
        ask(words);
      }}
    >
      <label for={id}>question</label>
      <input
        {...{ id }}
        type="text"
        value={words}
        maxLength={200}
        autoComplete="off"
        spellcheck={false}
        data-testid="question"
        aria-describedby={`${id}-told`}
        aria-invalid={lacking.length > 0 || words.trim() === ""}
        onInput={({ currentTarget }) => {
          typed.value = currentTarget.value;
        }}
      />
      <button type="submit" data-testid="ask">
        ask
      </button>
      <p id={`${id}-told`} class="problem told-of-words" role="status">
        {words.trim() === "" && "Type a question, or choose one above."}
        {lacking.length > 0 && words.trim() !== "" && <UnknownWords {...{ words, lacking }} />}
      </p>
    </form>
  );
}

/** The question again, with the words marked that the model does not know. */
function UnknownWords({ words, lacking }: { readonly words: string; readonly lacking: readonly string[] }) {
  const parts = words.split(/([\p{L}\p{N}]+)/u);
  return (
    <>
      The model does not know the words that are marked, and reads each as the same unknown word:{" "}
      {parts.map((part, i) => (lacking.includes(part) ? <mark key={`${i}${part}`}>{part}</mark> : part))}
    </>
  );
}

function AnswerLine() {
  const { value, old } = answerA.value;
  const worth = verdict(answerA.value);
  return (
    <>
      <p class={old ? "answer old" : "answer"}>
        Answer of method A ({methodA.value}): <output data-testid="answer-a">{value?.text ?? "…"}</output>
        {worth && ` — ${worth}`}
        {old && " (to what was asked before)"}
      </p>
      {misfit.value && <p class="misfit">{misfit.value}</p>}
      <Waiting of={answerA.value} />
    </>
  );
}
