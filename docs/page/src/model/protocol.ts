import type { Box } from "../../../../src/core/boxes.ts";
import type { Grid } from "../../../../src/core/grid.ts";
import type { Stage1Constants } from "../../../../src/methods/nuwa/constants.ts";
import type { PositionPolicy } from "../../../../src/methods/nuwa/positions.ts";
import type { Variant } from "../../../../src/methods/nuwa/variants.ts";
import type { Scene } from "../../../../src/world/scene.ts";

/* What the page and its worker say to each other. Everything here can be sent: no function, no tensor. */

/** What of a scene makes its picture; a reader may have changed it. */
export type DrawnScene = Pick<Scene, "background" | "shapes">;

/** The files of the shipped checkpoint. */
export interface CheckpointFiles {
  readonly config: Record<string, unknown>;
  readonly generationConfig: Record<string, unknown>;
  readonly preprocessor: Record<string, unknown>;
  readonly tokenizer: unknown;
  /** The chat template, a Jinja source, and the special tokens that it may write. */
  readonly tokenizerConfig: Readonly<Record<string, unknown>> & { readonly chat_template: string };
  /** model.safetensors in float16. */
  readonly weights: ArrayBuffer;
  /** The program of the wasm backend. */
  readonly wasm: ArrayBuffer;
}

/** What the page knows of a model that is loaded. */
export interface LoadedFacts {
  /** Decoder layers. */
  readonly layers: number;
  readonly grid: Grid;
  /** The methods of the registry. */
  readonly methods: readonly { readonly name: string; readonly summary: string; readonly positions: PositionPolicy }[];
  /** Which tfjs backend computes, and why. */
  readonly backend: string;
}

/** What the vision tower sees in a scene; a value for each of N patches, raster order. */
export interface Seen {
  /** Attention of the class token, summed over heads: [N]. The released code's salience. */
  readonly attention: Float32Array;
  /** What a patch is worth in separation and alignment, as each reading has it: [N]. */
  readonly salience: Readonly<Record<Variant, Float32Array>>;
  /** Norm of each patch's key: [N]. */
  readonly keyNorms: Float32Array;
  /** Cosine of all pairs of patches in the states that aggregation compares: [N, N]. */
  readonly likeness: Float32Array;
}

/** A method and what it is asked for. */
export interface Setting {
  /** A name of the registry. */
  readonly method: string;
  /** Average visual tokens in a decoder layer; passed over by `none`. */
  readonly average: number;
  /** The method's own unless given. */
  readonly positions?: PositionPolicy;
  readonly variant?: Variant;
  /** Of Nüwa alone. */
  readonly constants?: Stage1Constants;
}

/** What stage 1 of a method keeps. */
export interface Chosen {
  /** Raster index of each kept token, −1 without a cell. */
  readonly cells: readonly number[];
  readonly pillars?: readonly boolean[];
  /** Which patches each token is mixed from, [k, N]; undefined where each is its own patch. */
  readonly weights?: Float32Array;
  /** Position id of each kept token. */
  readonly ids: readonly number[];
  /** Position id of the first token of text behind the image. */
  readonly nextId: number;
  /** How many milliseconds it took in the worker. */
  readonly milliseconds: number;
}

/** One visual token of a run, see `VisualToken` of the ledger. */
export interface ToldToken {
  readonly cell: number;
  readonly id: number;
  readonly pillar?: boolean;
  readonly firstLayer: number;
  /** It was dropped before this layer; the number of layers if never. */
  readonly layers: number;
}

/** Attention in one decoder layer of the prefill. */
export interface LayerAttention {
  /** For each place of the sequence the number of its visual token in {@link Told.tokens}, or −1 for text. */
  readonly places: readonly number[];
  /** Mean over heads, [S, S]: row pays to column. */
  readonly attention: Float32Array;
}

/** What a cut inside the decoder scored: score of each token that entered it, by number of the token. */
export interface ToldScores {
  readonly layer: number;
  readonly scores: readonly (readonly [token: number, score: number])[];
}

/** A question that was answered. */
export interface Told {
  readonly text: string;
  readonly box?: Box;
  readonly tokens: readonly ToldToken[];
  /** Visual tokens that the unpruned model has. */
  readonly total: number;
  readonly textTokens: number;
  /** Visual tokens entering each layer. */
  readonly entering: readonly number[];
  /** Scores of the first answer token over the vocabulary, [V]. */
  readonly logits: Float32Array;
  /** Operations of the whole prefill, counted at the kernels, and bytes of the cache that decoding starts with. */
  readonly flops: number;
  readonly cacheBytes: number;
  readonly scores: readonly ToldScores[];
  /** Layer by layer, where it was asked for. */
  readonly attention?: readonly LayerAttention[];
  readonly milliseconds: number;
}

/** What a reader's pruner did: the answer, or why there is none, and the last lines that it printed. */
export type ToldRun = { readonly printed: readonly string[] } & (
  | { readonly told: Told; readonly problem?: undefined }
  | { readonly problem: string }
);

/** What no salience breaks, see `coverageGuarantee`. */
export interface ToldBounds {
  /** Fewest regions that hold an anchor, and the farthest that a patch can be from one. */
  readonly coveredRegions: number;
  readonly radius: number;
}

/** What a law says of a method. */
export interface ToldVerdict {
  readonly sentence: string;
  readonly status: "keeps" | "breaks" | "does not apply";
  readonly tries: number;
  /** The smallest case that breaks it. */
  readonly broken?: {
    readonly message: string;
    /** As characters. */
    readonly picture: string;
    /** Of a law about selections, what the pruner was asked, one call after the other. */
    readonly calls?: readonly DrawnCall[];
  };
}

/** A grid with scores, and what a pruner kept of it. */
export interface DrawnCall {
  readonly grid: Grid;
  readonly scores: readonly number[];
  /** How many patches the pruner was asked to keep. */
  readonly keep: number;
  readonly regionSize: number;
  /** What it kept; empty where it failed. */
  readonly kept: readonly number[];
}

/** The tasks of the worker: what each is given, and what comes back. */
export interface Tasks {
  load: { given: CheckpointFiles; back: LoadedFacts };
  see: { given: { scene: DrawnScene }; back: Seen };
  choose: { given: { scene: DrawnScene; question: string; setting: Setting }; back: Chosen };
  ask: { given: { scene: DrawnScene; question: string; setting: Setting; watch?: boolean }; back: Told };
  /** What separation and alignment guarantee. */
  bounds: { given: { keep: number; regionSize: number }; back: ToldBounds };
  /** The salience for which plain top-k of as many patches leaves a patch farthest away, [N]. */
  worst: { given: { keep: number }; back: readonly number[] };
  /** τ in grid units for τ² as a fraction of the largest squared distance; the paper's unless given. */
  reach: { given: { fraction?: number }; back: { fraction: number; patches: number } };
  /** Words of a question that the model does not know. */
  unknown: { given: { question: string }; back: readonly string[] };
  /** Gets what runs programs of readers. */
  interpret: { given: { wasm: ArrayBuffer }; back: null };
  /** Answers under a pruner that a reader wrote. */
  run: { given: { scene: DrawnScene; question: string; average: number; program: string }; back: ToldRun };
  /** The sentences of all laws. */
  laws: { given: Record<string, never>; back: readonly string[] };
  /** One law on a pruner that a reader wrote. */
  judge: { given: { program: string; law: number }; back: ToldVerdict };
  /** Tensors that are alive, for tests. */
  tensors: { given: Record<string, never>; back: number };
}

/** A name of {@link Tasks}. */
export type TaskName = keyof Tasks;

/** What goes to the worker. */
export interface Request {
  readonly id: number;
  readonly task: TaskName;
  readonly given: unknown;
}

/** What comes back; a line where the task failed. */
export type Reply = { readonly id: number } & ({ readonly back: unknown } | { readonly problem: string });
