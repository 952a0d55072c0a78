import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { ADDRESS } from "./state/state.ts";
import { followInAddress } from "./state/url.ts";
import "./links.css";

/** The address, which follows the state from here on. */
export const address = followInAddress(ADDRESS);

/** What became of a link that was to be copied. */
interface Copied {
  /** `#step-4`, or nothing for the whole page. */
  readonly fragment: string;
  readonly link: string;
  /** Where the browser refuses its clipboard, the link is shown instead. */
  readonly refused: boolean;
}
const copied = signal<Copied | undefined>(undefined);

/** Milliseconds for which the page says that a link was copied. */
const SAID = 4000;
let timer: ReturnType<typeof setTimeout> | undefined;

async function copy(fragment: string): Promise<void> {
  const link = address.link(fragment);
  clearTimeout(timer);
  try {
    await navigator.clipboard.writeText(link);
    copied.value = { fragment, link, refused: false };
    timer = setTimeout(() => {
      copied.value = undefined;
    }, SAID);
  } catch {
    copied.value = { fragment, link, refused: true };
  }
}

/** What an address holds, its link, the way back to the beginning, and the steps. */
export function Links({ steps }: { readonly steps: number }) {
  return (
    <div class="links">
      <p>What you set stands in the address of this page; Back takes the last setting back.</p>
      <PassedOver />
      <CopyLink fragment="" said={<SituationLink />} label="copy link to this situation" />
      <button type="button" data-testid="start-again" onClick={address.startAgain}>
        start again
      </button>
      <nav aria-label="steps">
        <span>steps</span>
        <select
          aria-label="go to a step"
          value=""
          onChange={({ currentTarget }) => {
            location.hash = `step-${currentTarget.value}`;
            currentTarget.value = "";
          }}
        >
          <option value="">steps</option>
          {Array.from({ length: steps }, (_, i) => (
            <option key={i} value={i + 1}>
              step {i + 1}
            </option>
          ))}
        </select>
        <ol>
          {Array.from({ length: steps }, (_, i) => (
            <li key={i}>
              <a href={`#step-${i + 1}`} aria-label={`step ${i + 1}`}>
                {i + 1}
              </a>
            </li>
          ))}
        </ol>
      </nav>
    </div>
  );
}

/** A link that was written wrongly shows something else than was meant: the reader is told. */
function PassedOver() {
  if (address.passedOver.length === 0) return null;
  return (
    <div class="problem" role="alert" data-testid="passed-over">
      The address says what the page cannot take, and it was passed over: {address.passedOver.join(", ")}. The step that
      sets it shows what can be set.
    </div>
  );
}

/** On a narrow screen the steps are beside it. */
function SituationLink() {
  return (
    <>
      copy link<span class="on-wide"> to this situation</span>
    </>
  );
}

/** A link to copy. */
interface CopyLinkProps {
  readonly fragment: string;
  readonly said: ComponentChildren;
  readonly label?: string;
}

/** A button that copies the address, with a fragment or without. */
export function CopyLink({ fragment, said, label }: CopyLinkProps) {
  const done = copied.value?.fragment === fragment ? copied.value : undefined;
  return (
    <span class="copy-link">
      <button type="button" aria-label={label} data-testid="copy-link" onClick={() => copy(fragment)}>
        {said}
      </button>
      <span role="status">{done && (done.refused ? "copy it from here:" : "copied, with all that you set")}</span>
      {done?.refused && <Shown link={done.link} />}
    </span>
  );
}

/** The link as a text that is selected already. */
function Shown({ link }: { readonly link: string }) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.select(), []);
  return <input ref={field} type="text" readOnly value={link} aria-label="link" />;
}
