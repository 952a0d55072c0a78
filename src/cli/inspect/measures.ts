import { answerAttention } from "../../analysis/answer-attention.ts";
import { attentionBlocking } from "../../analysis/blocking.ts";
import { objectCohesion } from "../../analysis/cohesion.ts";
import { decoderEntropy, towerEntropy, towerPatches } from "../../analysis/entropy.ts";
import { attentionFlow } from "../../analysis/flow.ts";
import { gradientFlow } from "../../analysis/gradient-flow.ts";
import { logitLens } from "../../analysis/lens.ts";
import type { Measure } from "../../analysis/measure.ts";
import { normOverlap } from "../../analysis/norms.ts";
import { activationPatching, type PatchingOptions } from "../../analysis/patching.ts";
import { positionReconstruction } from "../../analysis/positions.ts";
import type { Box } from "../../core/boxes.ts";
import { UsageError } from "../../core/errors.ts";
import type { Pruning } from "../../methods/method.ts";
import type { PositionPolicy } from "../../methods/nuwa/positions.ts";
import { answerAttentionRecord } from "../../view/measures/answer-attention.ts";
import { blockingRecord } from "../../view/measures/blocking.ts";
import { cohesionRecord } from "../../view/measures/cohesion.ts";
import { entropyRecord } from "../../view/measures/entropy.ts";
import { flowRecord, gradientFlowRecord } from "../../view/measures/flow.ts";
import { lensRecord } from "../../view/measures/lens.ts";
import { normsRecord } from "../../view/measures/norms.ts";
import { patchingRecord } from "../../view/measures/patching.ts";
import { type PolicyAnswer, positionsRecord } from "../../view/measures/positions.ts";
import { provenanceRecord, type TokenAtLayer, tokenRecord } from "../../view/measures/provenance.ts";
import type { MeasureRecord, RecordFacts } from "../../view/measures/record.ts";
import type { DrawnImage } from "../../view/picture.ts";
import { timeLeft } from "../time-left.ts";
import { type NamedGroups, namedGroups, VISUAL_ALONE } from "./groups.ts";
import type { MeasureName } from "./inspect-options.ts";

/** What measures are made with. */
export interface MeasureRequest {
  /** Decoder layers of the model. */
  readonly layers: number;
  readonly box: Box | undefined;
  /** The token of provenance; all tokens together unless given. */
  readonly token: TokenAtLayer | undefined;
  /** The other run of patching, and what it is called. */
  readonly source: () => PatchingOptions["source"] & { readonly name: string };
  /** Patching is done for each row of the image and each word, not for all visual tokens together alone. */
  readonly detailed: boolean;
  readonly wordOf: RecordFacts["wordOf"];
  readonly gridNames: RecordFacts["gridNames"];
  /** The image, to draw on; undefined where only its pixel values are known. */
  readonly drawn: DrawnImage | undefined;
  /** What the model answers under a method with a position policy; undefined where there is no question to answer. */
  readonly answersUnder?: (method: Pruning) => Promise<Partial<Record<PositionPolicy, PolicyAnswer>>>;
}

/** What makes a measure. */
type NamedMeasure = (request: MeasureRequest) => Measure<MeasureRecord>;

/** A measure whose result becomes a record. */
function recorded<T>(
  { wordOf, gridNames }: MeasureRequest,
  measure: Measure<T>,
  record: (found: T, facts: RecordFacts) => MeasureRecord | Promise<MeasureRecord>,
): Measure<MeasureRecord> {
  return (model, watch) => {
    const finish = measure(model, watch);
    return async (pass) => record(await finish(pass), { pass, wordOf, gridNames });
  };
}

/** Two measures as one. */
function both<A, B>(first: Measure<A>, second: Measure<B>): Measure<[A, B]> {
  return (model, watch) => {
    const finishes = [first(model, watch), second(model, watch)] as const;
    return async (pass) => [await finishes[0](pass), await finishes[1](pass)];
  };
}

const MEASURES: Readonly<Record<MeasureName, NamedMeasure>> = {
  entropy: (request) =>
    recorded(request, both(both(towerEntropy(), decoderEntropy()), towerPatches()), ([[vision, llm], patches]) =>
      entropyRecord({ vision, llm }, patches),
    ),
  flow: (request) => recorded(request, attentionFlow(), flowRecord),
  "flow-gradient": (request) => recorded(request, gradientFlow(), gradientFlowRecord),
  "logit-lens": (request) => recorded(request, logitLens(), lensRecord),
  blocking: (request) =>
    recorded(request, attentionBlocking(), async (found, facts) =>
      blockingRecord(found, facts, (await facts.pass.result.logits.data()) as Float32Array),
    ),
  cohesion: (request) => {
    if (!request.box)
      throw new UsageError("--measure cohesion needs --box x1,y1,x2,y2: the object, in shares of the picture.");
    return recorded(request, objectCohesion(request.box), cohesionRecord);
  },
  norms: (request) => recorded(request, normOverlap(), normsRecord),
  patching: (request) => {
    const { layers, source, detailed, wordOf, gridNames } = request;
    const { name, ...run } = source();
    let groups: NamedGroups = VISUAL_ALONE;
    let progress: PatchingOptions["passed"];
    const measure = activationPatching({
      source: run,
      passed: (done, total) => progress?.(done, total),
      layers: patchedLayers(layers),
      positions: (pass) => {
        progress = timeLeft(process.stderr, { what: "passes of patching", before: 0, endsPlain: false });
        if (detailed) groups = namedGroups(pass, wordOf, gridNames);
        return groups.positions;
      },
    });
    return recorded(request, measure, (found, facts) => patchingRecord(found, groups.names, facts, name));
  },
  positions: (request) =>
    recorded(request, positionReconstruction(), async (found, facts) =>
      positionsRecord(found, (await request.answersUnder?.(facts.pass.method)) ?? {}, facts),
    ),
  "answer-attention": (request) =>
    recorded(request, answerAttention(), (found, facts) => answerAttentionRecord(found, facts, request.drawn)),
  provenance: (request) =>
    recorded(
      request,
      () => async () => undefined,
      (_, facts) => (request.token ? tokenRecord(request.token, facts) : provenanceRecord(facts)),
    ),
};

/**
 * The measures of some names, provenance first.
 *
 * @throws UsageError when one lacks what it needs
 */
export function measuresNamed(
  names: readonly MeasureName[],
  request: MeasureRequest,
): Readonly<Record<string, Measure<MeasureRecord>>> {
  // Whether a token is there is known behind the pass: one that is not is refused before what takes long.
  const ordered = [...names].sort((a, b) => Number(b === "provenance") - Number(a === "provenance"));
  return Object.fromEntries(ordered.map((name) => [name, MEASURES[name](request)]));
}

/** Every layer of a small decoder; of a large one the first, the last and three between. */
function patchedLayers(layers: number): number[] {
  const some = layers > 8 ? [0, layers / 4, layers / 2, (3 * layers) / 4, layers - 1] : [...new Array(layers).keys()];
  return [...new Set(some.map(Math.floor))];
}
