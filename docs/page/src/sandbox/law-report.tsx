import { Counterexample } from "./counterexample.tsx";
import { LAW_GROUPS, type LawGroup, lawWords } from "./law-words.ts";
import { type LawState, running, shownLaws } from "./runs.ts";

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
  const laws = shownLaws.value;
  const firstBroken = laws.find(({ status }) => status === "breaks");
  const decided = laws.length - countOf(laws, "waits") - countOf(laws, "is tried");
  const groups = Object.entries(LAW_GROUPS) as [LawGroup, string][];
  return (
    <section class="laws" data-testid="law-report" aria-label="laws of pruning" aria-busy={running.value}>
      {laws.length > 0 && (
        <>
          <h3>Laws</h3>
          <p>
            <progress value={decided} max={laws.length} aria-label="laws tried" />{" "}
            <span aria-live="polite">
              {decided} of {laws.length} tried: {inWords(laws)}
            </span>
          </p>
          <Symbols />
          {groups.map(([group, said]) => {
            const own = laws.filter(({ sentence }) => lawWords(sentence)?.group === group);
            return (
              <details key={group} open={own.includes(firstBroken as LawState)}>
                <summary>
                  {said}: {inWords(own)}
                </summary>
                <ol>
                  {own.map((law) => (
                    <Law key={law.sentence} law={law} isOpen={law === firstBroken} />
                  ))}
                </ol>
              </details>
            );
          })}
        </>
      )}
    </section>
  );
}

const countOf = (laws: readonly LawState[], status: LawState["status"]) =>
  laws.filter((law) => law.status === status).length;

/** `14 kept, 7 broken, 9 do not apply` */
function inWords(laws: readonly LawState[]): string {
  const others = [
    [countOf(laws, "does not apply"), "do not apply"],
    [countOf(laws, "not decided"), "not decided"],
  ] as const;
  const counts = [[countOf(laws, "keeps"), "kept"] as const, [countOf(laws, "breaks"), "broken"] as const];
  return [...counts, ...others.filter(([count]) => count > 0)].map(([count, said]) => `${count} ${said}`).join(", ");
}

/** What the letters in the laws mean. */
function Symbols() {
  return (
    <p class="waiting">
      Each law is tried on up to 60 small grids with made-up scores and no likeness: “keeps” says that none of them
      breaks it. <b>g</b>: side of a region, 2 patches here. <b>k</b>: patches that are kept. <b>n</b>: the smallest
      number for which all regions together can hold k patches with at most n in each. A law of scores does not apply to
      a pruner whose choice no scores change.
    </p>
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
      <b>{status}</b> {lawWords(sentence)?.said}
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
        <p class="waiting">In the documents: {sentence}</p>
        <Counterexample broken={broken} sentence={sentence} />
      </details>
    </li>
  );
}
