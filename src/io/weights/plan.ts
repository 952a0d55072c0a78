import type { MemoryLeft } from "../../backend/memory.ts";
import { NuwaError } from "../../core/errors.ts";
import type { TextConfig } from "../../model/transformer/config.ts";

/** A weight, as far as a plan is concerned. */
export interface PlannedWeight {
  readonly name: string;
  readonly shape: readonly number[];
  /** In its file. */
  readonly bytes: number;
}

/** The weights of one layer of a stack of equal layers, such as the decoder. */
export interface LayerGroup<W extends PlannedWeight = PlannedWeight> {
  /** The names of its weights begin so: `language_model.model.layers.7.`. */
  readonly prefix: string;
  readonly stack: string;
  readonly weights: readonly W[];
}

/** Where the weights of a model are while it runs. */
export interface MemoryPlan<W extends PlannedWeight = PlannedWeight> {
  /** In memory, as float32. */
  readonly held: readonly W[];
  /** Read whenever they are needed, in the order in which a pass needs them. */
  readonly streamed: readonly LayerGroup<W>[];
  /** The table of token embeddings, where only the rows that are needed are read. */
  readonly rows: W | undefined;
  /** What the process will take at most, in bytes. */
  readonly bytes: number;
  /** Prompts that may be under way at once. */
  readonly prompts: number;
}

/** What a plan has to keep to. */
export interface MemoryBounds extends MemoryLeft {
  /** What is needed besides weights, in bytes, see {@link workingBytes}. */
  readonly working: number;
  /** Prompts that somebody has for the model, who can share a layer among them; one unless given. */
  readonly prompts?: number;
  /** What each but the first takes while it is under way, in bytes, see {@link promptBytes}. */
  readonly each?: number;
}

/** Two are in use: one is read ahead while the other one becomes tensors. */
const BUFFERS = 2;

/**
 * Decides what is held in memory. All of it, where it fits; else the table of embeddings is left in the file, of which
 * a prompt needs some rows, and as many layers as fit are held: those of the decoder first, because they run for
 * every token of an answer, the tower once for an image. Layers that are held are spread among those that are not,
 * so that one can be read while others compute.
 *
 * Where there are several prompts, memory goes to them before it goes to layers: a layer that is held saves its reading
 * once for a token of all prompts, one prompt more shares every reading.
 *
 * @param weights in any order
 * @param tied whether the head is the table of embeddings, which is then needed whole
 * @throws NuwaError when not even one layer at a time fits, with the least that does
 */
export function planMemory<W extends PlannedWeight>(
  what: string,
  backend: string,
  weights: readonly W[],
  tied: boolean,
  { bytes: limit, working, copies, remedy, prompts: most = 1, each = 0 }: MemoryBounds,
): MemoryPlan<W> {
  const inMemory = (some: readonly W[]) => copies * some.reduce((sum, { shape }) => sum + floatBytes(shape), 0);
  const whole = working + inMemory(weights);
  if (whole <= limit) return { held: weights, streamed: [], rows: undefined, bytes: whole, prompts: 1 };

  const groups = groupsOf(weights);
  const rows = tied ? undefined : weights.find(({ name }) => name.endsWith("embed_tokens.weight"));
  const always = weights.filter((weight) => weight !== rows && layerOf(weight.name) === undefined);
  const stacks = [...new Set(groups.map(({ stack }) => stack))].reverse();
  const buffers = BUFFERS * Math.max(0, ...groups.map(fileBytes));
  // A layer of each stack stays until another of it is needed.
  const slots = stacks.reduce((sum, stack) => sum + inMemory(of(groups, stack)[0].weights), 0);
  const least = working + inMemory(always) + buffers + slots;
  if (least > limit)
    throw new NuwaError(
      `${what}: needs about ${gibibytes(least)} GiB of memory, one layer at a time, but the ${backend} backend has ` +
        `${gibibytes(Math.max(0, limit))} GiB left. ${remedy}`,
    );
  let left = limit - least;
  const more = Math.min(most - 1, each > 0 ? Math.floor(left / each) : 0);
  left -= more * each;
  const held = [...always];
  const streamed = new Set(groups);
  for (const stack of stacks) {
    const layers = of(groups, stack);
    const size = inMemory(layers[0].weights);
    const count = Math.min(layers.length, Math.floor(left / size));
    for (const group of spread(layers, count)) {
      streamed.delete(group);
      held.push(...group.weights);
    }
    left -= count * size;
  }
  return { held, streamed: [...streamed], rows, bytes: limit - left, prompts: 1 + more };
}

/**
 * What a pass takes besides weights that are as they are on disk: programs, activations, memory to widen a weight.
 * Measured with 844 MiB of weights, 640 tokens and no pruning: 330 MiB on wasm, 530 MiB on tensorflow, cache included.
 */
const HEADROOM_BYTES = 512 * 2 ** 20;

/**
 * Memory of a pass of one prompt besides the weights, in bytes: what it keeps, and the rest at most. A small model has
 * small activations, and may run where there is little memory.
 *
 * @param tokens of the prompt
 */
export function workingBytes(text: TextConfig, tokens: number, weights: readonly PlannedWeight[]): number {
  return Math.min(
    weights.reduce((sum, { shape }) => sum + floatBytes(shape), 0),
    HEADROOM_BYTES + promptBytes(text, tokens),
  );
}

/**
 * Memory that a prompt keeps from one layer to the next, in bytes: keys and values, and the states that entered each
 * layer, which last as long as the pass. A decoding step has the keys and values of the step before, too.
 *
 * @param tokens of the prompt
 */
export function promptBytes(text: TextConfig, tokens: number): number {
  const { numHiddenLayers, numKeyValueHeads, headDim, hiddenSize } = text;
  const cache = 4 * 2 * numHiddenLayers * numKeyValueHeads * headDim * tokens;
  return cache + Math.max(cache, 4 * numHiddenLayers * hiddenSize * tokens);
}

function of<W extends PlannedWeight>(groups: readonly LayerGroup<W>[], stack: string): LayerGroup<W>[] {
  return groups.filter((group) => group.stack === stack);
}

/** `count` of a list, in equal distances. */
function spread<T>(list: readonly T[], count: number): T[] {
  return list.filter((_, i) => Math.floor(((i + 1) * count) / list.length) > Math.floor((i * count) / list.length));
}

/** The layers of a model in the order in which a pass runs them: the tower's, then the decoder's. */
function groupsOf<W extends PlannedWeight>(weights: readonly W[]): LayerGroup<W>[] {
  const groups = new Map<string, { readonly stack: string; readonly layer: number; readonly weights: W[] }>();
  for (const weight of weights) {
    const found = layerOf(weight.name);
    if (!found) continue;
    const prefix = `${found.stack}${found.layer}.`;
    const group = groups.get(prefix) ?? { ...found, weights: [] };
    group.weights.push(weight);
    groups.set(prefix, group);
  }
  const isTower = (stack: string) => /^vis/.test(stack);
  return [...groups]
    .sort(([, a], [, b]) => Number(isTower(b.stack)) - Number(isTower(a.stack)) || a.layer - b.layer)
    .map(([prefix, { stack, weights: own }]) => ({ prefix, stack, weights: own }));
}

/** Which layer of which stack a weight belongs to. */
export function layerOf(name: string): { readonly stack: string; readonly layer: number } | undefined {
  const [, stack, layer] = /^(.+\.(?:layers|blocks)\.)(\d+)\./.exec(name) ?? [];
  return stack === undefined ? undefined : { stack, layer: Number(layer) };
}

function fileBytes({ weights }: LayerGroup): number {
  return weights.reduce((sum, { bytes }) => sum + bytes, 0);
}

function floatBytes(shape: readonly number[]): number {
  return 4 * shape.reduce((product, size) => product * size, 1);
}

function gibibytes(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(2);
}
