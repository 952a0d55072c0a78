import { Counterexample } from "./counterexample.tsx";
import { type LawState, lawStates, running } from "./runs.ts";

const SIGNS: Readonly<Record<LawState["status"], string>> = {
  keeps: "✓",
  breaks: "✗",
  "does not apply": "–",
  waits: "·",
  "is tried": "…",
  "not decided": "?",
};

/** The laws one by one, and for a broken one the case that breaks it. */
export function LawReport() {
  const laws = lawStates.value;
  const count = (status: LawState["status"]) => laws.filter((law) => law.status === status).length;
  const decided = laws.length - count("waits") - count("is tried");
  const firstBroken = laws.find(({ status }) => status === "breaks");
  return (
    <section class="laws" data-testid="law-report" aria-label="laws of pruning" aria-busy={running.value}>
      {laws.length > 0 && (
        <>
          <h3>Laws</h3>
          <p>
            <progress value={decided} max={laws.length} aria-label="laws tried" />{" "}
            <span aria-live="polite">
              {decided} of {laws.length} tried: {count("keeps")} kept, {count("breaks")} broken
              {count("not decided") > 0 && `, ${count("not decided")} not decided`}
            </span>
          </p>
          <ol>
            {laws.map((law) => (
              <Law key={law.sentence} law={law} isOpen={law === firstBroken} />
            ))}
          </ol>
        </>
      )}
    </section>
  );
}

/** What is drawn of a law. */
interface LawProps {
  readonly law: LawState;
  /** Whether its counterexample is open at first. */
  readonly isOpen: boolean;
}

function Law({ law: { sentence, status, broken, problem }, isOpen }: LawProps) {
  const line = (
    <>
      <span class="sign" aria-hidden="true">
        {SIGNS[status]}
      </span>{" "}
      <b>{status}</b> {sentence}
    </>
  );
  const name = status.replaceAll(" ", "-");
  if (!broken)
    return (
      <li class={name}>
        {line}
        {problem !== undefined && <p class="problem">{problem}</p>}
      </li>
    );
  return (
    <li class={name}>
      <details open={isOpen}>
        <summary>{line}</summary>
        <Counterexample broken={broken} sentence={sentence} />
      </details>
    </li>
  );
}
