import { answerAttention } from "../../analysis/answer-attention.ts";
import { measure } from "../../analysis/measure.ts";
import type { BackendChoice } from "../../backend/select.ts";
import { writeAtomically } from "../../io/files.ts";
import type { SampleLedger } from "../../methods/ledger.ts";
import type { PreparedImage } from "../../model/preprocessing.ts";
import type { Answer, LoadedVlm } from "../../pipeline/answer.ts";
import { batchOf, buildPrompt } from "../../pipeline/processor.ts";
import { drawAttentionStrip } from "../../view/attention-strip.ts";
import { type ReportSection, reportHtml } from "../../view/report.ts";
import { describeRun } from "../../view/run-summary.ts";
import { verdict } from "../../view/verdict.ts";
import { describeMethod, type Recorded } from "../ask-record.ts";
import { versionsWith } from "../report.ts";
import type { AskOptions } from "./asked.ts";
import { describeTried } from "./explore.ts";

/** What a report says besides the record of a run. */
export interface AskReportFacts {
  /** The picture of the run, as SVG. */
  readonly svg: string;
  /** Whether the answers are right, in words, where that is known. */
  readonly marks: string | undefined;
  /** The command as it was typed. */
  readonly line: string;
  readonly backend: BackendChoice;
  readonly vlm: LoadedVlm;
  readonly images: readonly PreparedImage[];
}

/** Writes `--report`: the picture of the run, what it kept and saved, and what the answer looked at. */
export async function writeAskReport(options: AskOptions, recorded: Recorded, facts: AskReportFacts): Promise<void> {
  const { answer, unpruned, question, images, asked, config, exactCost, truth } = recorded;
  const { svg, marks, line, backend } = facts;
  const summary = describeRun(answer.ledger as SampleLedger, config, exactCost);
  const rows: (readonly [string, string | undefined])[] = [
    [images.length === 1 ? "image" : "images", images.join(", ")],
    ["question", question],
    ["answer", answer.text],
    ["unpruned", unpruned && `${unpruned.text} (${verdict(unpruned, answer)})`],
    ["truth", truth?.answer],
    ["marked", marks],
    ["method", describeMethod(asked, options)],
    ["model", options.model],
  ];
  const html = reportHtml({
    title: question,
    facts: rows.flatMap(([label, text]) => (text === undefined ? [] : [[label, text] as const])),
    sections: [
      { heading: "The run", text: "What each stage kept, and what a token is made of.", svg },
      ...exploredSections(recorded),
      ...(await attentionSections(recorded, facts)),
      {
        heading: "What pruning saves",
        table: { head: ["", ""], rows: summary.map((text) => [text.slice(0, 10).trim(), text.slice(10).trim()]) },
      },
    ],
    command: line,
    versions: versionsWith(`${backend.name} (${backend.reason})`),
  });
  writeAtomically(options.report as string, html);
}

/** The averages that `--explore` tried. */
function exploredSections({ explored, answer }: Recorded): ReportSection[] {
  if (!explored) return [];
  const { total } = answer.ledger as SampleLedger;
  const text = "Larger averages, until the unpruned answer holds.";
  return [
    { heading: "Explored", text, table: { head: ["tried"], rows: explored.map((one) => [describeTried(one, total)]) } },
  ];
}

/**
 * The bracket with which an answer that is a box begins: it needs no look at the picture, and what follows is the box's
 * first number. Nothing where an answer begins otherwise.
 */
export function bracketOf({ text, boxes, ids }: Pick<Answer, "text" | "boxes" | "ids">): readonly number[] {
  return boxes.length > 0 && /^\s*\[/.test(text) ? ids.slice(0, 1) : [];
}

/** What the answer looked at, layer by layer; of several images one could not say at which. */
async function attentionSections(
  { answer, asked, question, drawnImages }: Recorded,
  { vlm, images }: AskReportFacts,
): Promise<ReportSection[]> {
  if (images.length !== 1) return [];
  const { model, template, tokenizer } = vlm;
  const { ids } = buildPrompt(template, tokenizer, model.config.imageTokenId, question);
  const begun = bracketOf(answer);
  const inputs = { ...batchOf(images), prompts: [[...ids, ...begun]] };
  try {
    const { attention, ledger } = await measure(model, inputs, asked.method, {
      attention: answerAttention(),
      ledger: () => async (pass) => pass.ledger,
    });
    const svg = await drawAttentionStrip({ image: drawnImages[0], ledger, attention });
    const what = begun.length > 0 ? "the first number of the box" : "the first word of the answer";
    return [{ heading: "What the answer looks at", text: `The attention at which ${what} is predicted.`, svg }];
  } finally {
    inputs.pixels.dispose();
  }
}
