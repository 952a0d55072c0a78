import type { ComponentChildren } from "preact";
import { CopyLink } from "./links.tsx";
import "./step.css";

/** Where the build puts the sources, as texts that any browser shows. */
const SOURCES = "sources/";

/** One step of the story: two or three sentences, a figure, the equation beside it, and where its code is. */
export interface StepProps {
  readonly number: number;
  readonly title: string;
  /** Two or three sentences. */
  readonly children: ComponentChildren;
  /** More of them, which a narrow screen shows behind the figure. */
  readonly more?: ComponentChildren;
  /** MathML of the equation that the figure shows. */
  readonly equation?: ComponentChildren;
  /** Files of the sources that compute it: `src/methods/nuwa/alignment.ts`. */
  readonly sources: readonly string[];
  readonly figure: ComponentChildren;
}

/** A section of the page. */
export function Step({ number, title, children, more, equation, sources, figure }: StepProps) {
  return (
    <section class="step" id={`step-${number}`} aria-labelledby={`step-${number}-title`}>
      <div class="step-head">
        <h2 id={`step-${number}-title`}>
          <span class="number">{number}</span> {title}
        </h2>
        <CopyLink fragment={`#step-${number}`} said={<ShortLink />} label={`copy link to step ${number}`} />
      </div>
      <div class="told">{children}</div>
      <div class="shown">{figure}</div>
      <div class="behind">
        {more && <div class="told">{more}</div>}
        {equation && <div class="equation">{equation}</div>}
        <p class="sources">
          {sources.map((path) => (
            <a key={path} href={`${SOURCES}${path}.txt`}>
              {path}
            </a>
          ))}
        </p>
      </div>
    </section>
  );
}

/** On a narrow screen it stands beside the title. */
function ShortLink() {
  return (
    <>
      <span class="on-wide">copy </span>link
    </>
  );
}
