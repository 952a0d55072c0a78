import type * as tf from "@tensorflow/tfjs";
import type { Readback } from "../core/readback.ts";
import type { Sequence } from "../core/slots.ts";
import type { MethodPoint } from "../core/tap-points.ts";
import type { Tap } from "../core/taps.ts";
import type { ImageShape } from "../model/image-shape.ts";
import type { ByRows, QueryRows } from "../model/transformer/attention.ts";
import type { TowerMerge } from "../model/transformer/merging.ts";
import type { Rotation } from "../model/transformer/rope.ts";
import type { Capability, EncodedGrid, ModelFacts } from "../model/vlm.ts";
import type { AverageTokens } from "./budget.ts";
import type { PositionFunction, PositionPolicy } from "./nuwa/positions.ts";

/**
 * What a method may look at before the projector: one grid of some images of one shape. What is not there is computed
 * when it is asked for.
 */
export interface PatchView extends EncodedGrid {
  /** The image that the grid is one of. */
  readonly image: Pick<ImageShape, "grids" | "tiles">;
  /** The part of a number of tokens of the whole image that this grid may keep, see {@link sharedOut}. */
  readonly share: (count: number) => number;
  /** The projector: [I, k, D] → [I, k, Hd]. */
  readonly project: (features: tf.Tensor3D) => tf.Tensor3D;
}

/** What a method decides before the projector, for each image of a {@link PatchView}. */
export interface PatchSelection {
  /**
   * The cell of each token that goes on, as raster index of the grid, in the order in which the tokens enter the
   * decoder; −1 for a token without a cell: the class token, or one made of others. Images may keep
   * different numbers.
   */
  readonly cells: readonly (readonly number[])[];
  /**
   * Tokens are mixed from the features by these weights, [I, k, N]; or [I, k, N+1] where the class token,
   * which comes first, is a source, too; images with fewer tokens have rows of zeros at the end.
   * Undefined: the tokens are the features of their cells, −1 being the class token.
   */
  readonly weights?: tf.Tensor3D;
  /** [I, k, D] where the tokens are there already; `weights` then only say what they are made of. */
  readonly tokens?: tf.Tensor3D;
  /** Nüwa's two roles, for the record. */
  readonly pillars?: readonly (readonly boolean[])[];
}

/** Tokens and what stands where among them. */
export interface PlacedTokens {
  /** [B, S, Hd] */
  readonly tokens: tf.Tensor3D;
  readonly sequence: Sequence;
}

/** What a decoder layer made of the tokens that entered it. */
export interface LayerBefore {
  /** [B, g, S, d], after the rotary positions; a head for each group of queries. */
  readonly keys: tf.Tensor4D;
  /** [B, g, S, d] */
  readonly values: tf.Tensor4D;
  /** Queries [B, h, S, d] and keys [B, g, S, d] without the rotary positions; computed when asked for. */
  readonly unturned: () => { readonly queries: tf.Tensor4D; readonly keys: tf.Tensor4D };
}

/**
 * What a method may look at when it cuts inside the decoder: the hidden states entering the layer, and more. Each
 * sample shows one image at most. Where a prompt has several, each is cut by itself, and the slots of the others are
 * null, as those of padding are.
 */
export interface CutView extends PlacedTokens {
  /** What entered the decoder, before anything was dropped in it. */
  readonly entered: PlacedTokens;
  /**
   * Softmax attention of the layer before, [B, h, S, S]; undefined before layer 0. Reading it computes all of it, which
   * grows with the square of the sequence: of 2,900 tokens and 32 heads it is 1 GB.
   */
  readonly attention: tf.Tensor4D | undefined;
  /**
   * Rows of {@link CutView.attention}, [B, h, R, S], and nothing else of it: what some tokens pay to all.
   *
   * @param rows for each sample the places of these tokens in its sequence; R is the longest list (at least 1), and
   * behind shorter ones row 0 is repeated
   * @throws NuwaError before layer 0
   */
  readonly attentionRows: (rows: QueryRows) => tf.Tensor4D;
  /**
   * The attention that this layer would pay if nothing were dropped: those rows, as in {@link CutView.attentionRows};
   * without `rows` all of it, [B, h, S, S].
   */
  readonly attentionAhead: ByRows;
  /** What the layer before made of the same tokens; undefined before layer 0. */
  readonly before: LayerBefore | undefined;
  /** Cosine and sine of the rotary angles of every token, by its position ids. */
  readonly rotation: () => Rotation;
  /** The norm behind the last layer: [B, S, Hd] → [B, S, Hd]. */
  readonly finalNorm: (tokens: tf.Tensor3D) => tf.Tensor3D;
  readonly tap: Tap;
}

/** What a cut decides. */
export interface CutSelection {
  /** Which visual tokens survive: for each sample ascending ranks among its visual tokens. */
  readonly keep: readonly (readonly number[])[];
  /** New visual tokens, put behind those that survive. They have no cell. */
  readonly added?: AddedTokens;
}

/** Tokens that a cut makes out of others. */
export interface AddedTokens {
  /** What they are mixed from, [B, a, S]; rows beyond a sample's count are ignored. */
  readonly weights: tf.Tensor3D;
  /** How many each sample gets. */
  readonly counts: readonly number[];
}

/** A pruning inside the decoder, see {@link Method.cuts}. */
export type Cut = (view: CutView) => Readback<CutSelection>;

/**
 * A pruning method: what it keeps, never how it is removed. Gathering, projecting, position ids, masks,
 * cache lengths and the ledger are done by the forward pass, once for all methods.
 */
export interface Method {
  readonly name: string;
  /** What the model must offer besides features on a grid; undefined: nothing. */
  readonly needs?: readonly Capability[];
  readonly positions: PositionPolicy | PositionFunction;
  /**
   * After a cut, tokens keep the ids that they entered with, or all ids are given anew to what is left, text
   * included, so that later layers see other ids than earlier ones. Under `original` ids both are the same.
   */
  readonly idsAfterCut: "kept" | "anew";
  /**
   * What decoded tokens see in the layers before a cut. Undefined: all that entered them. `pruned`: what a cut has
   * dropped is taken out of the caches of these layers, too, once the prompt has been read.
   */
  readonly cachesBeforeCuts?: "pruned";
  /** Merging inside the vision tower. */
  readonly merge?: TowerMerge;
  /** Stage 1: which patches go on, and as which mixtures. */
  readonly selectPatches: (seen: PatchView, tap: Tap) => Readback<PatchSelection>;
  /** Later stages: decoder layer → the cut made before it. */
  readonly cuts: ReadonlyMap<number, Cut>;
}

/** What makes a method: the method itself, or a function of the shape of the image that is to be pruned. */
export type Pruning = Method | ((shape: ImageShape) => Method);

/**
 * The same method with other position ids for the tokens that it keeps.
 *
 * @example
 * const stretched = withPositions(createMethod("visionzip", model.config, { average: { ratio: 1 / 9 } }), "rpme");
 */
export function withPositions(pruning: Pruning, positions: Method["positions"]): Pruning {
  return typeof pruning === "function" ? (shape) => ({ ...pruning(shape), positions }) : { ...pruning, positions };
}

/** What the parameters of a method may depend on: the sizes of the model and of the image. */
export interface PruningSize extends ModelFacts, Pick<ImageShape, "grids" | "tiles"> {
  /** The family of the model. */
  readonly family: string;
  /** Visual tokens of the unpruned image: cells of all its grids, and the class token where the model keeps it (N). */
  readonly total: number;
}

/** What every method is asked for with. A method may know more fields; it passes over those that it does not know. */
export interface MethodRequest {
  /** Undefined: what the method published by itself, or {@link DEFAULT_AVERAGE}. */
  readonly average?: AverageTokens;
  /** Undefined: the method's own, {@link MethodDefinition.positions}. */
  readonly positions?: PositionPolicy;
  /** Seed of what the method draws at random (44). */
  readonly seed?: number;
}

/** The average of methods that are asked for without one and have published none. */
export const DEFAULT_AVERAGE: AverageTokens = { ratio: 1 / 9 };

/** The average that a method is asked for when none is given, in words. */
export function defaultAverage({ publishedAverage, publishedOnly }: MethodDefinition): string {
  return publishedAverage || publishedOnly ? "as published" : "1/9";
}

/** Whether a method can be asked for an average: one that keeps everything, or has no budget, cannot. */
export function takesAverage({ keepsEverything, publishedOnly }: MethodDefinition): boolean {
  return !keepsEverything && !publishedOnly;
}

/**
 * A method as the registry, `--method` and the laws know it: what one file about a method exports. It says what
 * the method is called and how it is made for a model.
 *
 * @typeParam Budget what the method's parameters for an average are
 * @typeParam Request what it can be asked for with
 */
export interface MethodDefinition<Budget = unknown, Request extends MethodRequest = MethodRequest> {
  /** As in `--method`: lower-case letters and digits. */
  readonly name: string;
  /** One sentence: what stays. */
  readonly summary: string;
  /** In what it is not the published method, in a few words, which stand beside its name in reports. */
  readonly departure?: string;
  /** The position policy of the method's own code. */
  readonly positions: PositionPolicy;
  /** Names of its readings, where the paper and its code differ; the first is the default. */
  readonly variants?: readonly string[];
  /** The method has published a number of tokens, which is used where no average is asked for. */
  readonly publishedAverage?: true;
  /**
   * The method has no budget: it keeps what it has published, and is refused any other average than that of all visual
   * tokens.
   */
  readonly publishedOnly?: true;
  /** The points that it passes, of those that only some methods do; undefined where that is not known. */
  readonly taps?: readonly MethodPoint[];
  /** Nothing is pruned, so that an average or a position policy cannot be asked for. */
  readonly keepsEverything?: true;
  /**
   * The budget rule: parameters for an average over all visual tokens of an image.
   *
   * @throws UsageError when the average does not fit the model or the image
   */
  readonly budget: (average: AverageTokens, size: PruningSize) => Budget;
  /**
   * The method for a model and images of one shape.
   *
   * @throws UsageError when the request does not fit the method, the model or the image
   */
  readonly create: (request: Request, size: PruningSize) => Method;
}
