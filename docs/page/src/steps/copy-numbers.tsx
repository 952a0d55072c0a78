import { useState } from "preact/hooks";
import { sweepText } from "./sweep.ts";

/** A button that copies all answers of the plot, for a table of one's own. */
export function CopyNumbers() {
  const [copied, setCopied] = useState<"yes" | "refused">();
  const copy = () =>
    navigator.clipboard.writeText(sweepText()).then(
      () => setCopied("yes"),
      () => setCopied("refused"),
    );
  return (
    <>
      <p class="controls">
        <button type="button" data-testid="copy-numbers" onClick={copy}>
          copy all answers as tab-separated text
        </button>
        <span role="status">{copied && (copied === "yes" ? "copied" : "copy it from here:")}</span>
      </p>
      {copied === "refused" && <textarea readOnly rows={6} value={sweepText()} aria-label="all answers" />}
    </>
  );
}
