import { signal } from "@preact/signals";
import { Bar } from "./bar.tsx";
import { Introduction } from "./introduction.tsx";
import { Links } from "./links.tsx";
import { QuestionBar } from "./question.tsx";
import { answerA, client, facts } from "./state/state.ts";
import { Aggregation } from "./steps/aggregation.tsx";
import { Compare } from "./steps/compare.tsx";
import { Decoder } from "./steps/decoder.tsx";
import { OwnPrunerStep } from "./steps/own-pruner.tsx";
import { Patches } from "./steps/patches.tsx";
import { Positions } from "./steps/positions.tsx";
import { Separation } from "./steps/separation.tsx";

/** How much of the model has come, 0..1, and why it has not. */
export const loading = signal<number>(0);
/** Why the model did not load, in a line. */
export const failure = signal<string | undefined>(undefined);

const PARTS = [Patches, Separation, Aggregation, QuestionBar, Positions, Decoder, Compare, OwnPrunerStep];
/** How many of them are drawn. */
const drawn = signal<number>(1);

/** Draws the other steps, each in a task of its own, so that the page takes clicks while it opens. */
export function drawSteps(): void {
  if (drawn.value < PARTS.length) {
    drawn.value++;
    setTimeout(drawSteps);
    return;
  }
  // The browser looked for it before it was there.
  showTarget();
  addEventListener("hashchange", () => showTarget());
}

/** Frames until steps between, which are laid out when they come near the screen, have their true heights. */
const FRAMES = 6;

/** Scrolls to what the address leads to, and stays there while the steps above it take their heights. */
function showTarget(frames = FRAMES): void {
  const target = document.getElementById(location.hash.slice(1));
  if (!target || frames === 0) return;
  target.scrollIntoView();
  requestAnimationFrame(() => showTarget(frames - 1));
}

/** The whole page. */
export function App() {
  return (
    <>
      <header>
        <h1>Nüwa: pruning visual tokens</h1>
        <Introduction />
        <Loading />
        <Links steps={7} />
      </header>
      <Bar />
      <main>
        {PARTS.slice(0, drawn.value).map((Part, i) => (
          <Part key={i} />
        ))}
      </main>
    </>
  );
}

function Loading() {
  if (failure.value !== undefined)
    return (
      <p class="problem" role="alert">
        The model could not be loaded: {failure.value.replace(/\.?$/, ".")} Load the page again; the rest needs a
        browser with WebAssembly and workers, and all files of the page.
      </p>
    );
  if (client.value)
    return (
      <p class="waiting">
        computed live<span class="on-wide"> with weights/no-places</span> on {facts.value?.backend}
      </p>
    );
  return (
    <p class="waiting">
      {answerA.value.value
        ? "loading the model; what stands here was computed by it when the page was built"
        : "loading the model; results appear when it has come"}{" "}
      <progress value={loading.value} max={1} aria-label="loading the model" />
    </p>
  );
}
