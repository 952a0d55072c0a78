import * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../../core/errors.ts";
import { type Turn, Turns } from "../../core/turns.ts";
import type { WeightSource } from "../../model/weights.ts";
import type { LayerGroup } from "./plan.ts";
import { bufferBytes, WeightReader } from "./read-weights.ts";
import type { LocatedWeight } from "./weight-files.ts";

type Group = LayerGroup<LocatedWeight>;

/**
 * The weights of a model that is larger than the memory that it may take: some are held, the layers of the others are
 * read from the checkpoint whenever they are needed.
 *
 * A layer's tensors last until another layer of its stack is needed. One of each stack is read at once, so that the
 * number of tensors stays the same from then on.
 */
export class StreamedWeights implements WeightSource {
  readonly #held: ReadonlyMap<string, tf.Tensor>;
  readonly #groups: readonly Group[];
  readonly #groupOf = new Map<string, Group>();
  readonly #groupAt: ReadonlyMap<string, Group>;
  readonly #table: LocatedWeight | undefined;
  readonly #reader: WeightReader;
  /** Passes that run side by side take turns, so that a layer is read once for all of them. */
  readonly turns: Turns<Group>;
  /** The layer that was needed last. */
  #latest = 0;
  /** The layer of each stack whose tensors are in memory. */
  readonly #present = new Map<string, { readonly group: Group; readonly tensors: ReadonlyMap<string, tf.Tensor> }>();

  /**
   * @param held stays with its owner
   * @param groups in the order in which a pass needs them
   * @param table of which rows are read when they are needed
   * @param passes that there is memory for at once
   * @throws NuwaError when a file cannot be read or is damaged
   */
  constructor(
    held: ReadonlyMap<string, tf.Tensor>,
    groups: readonly Group[],
    table: LocatedWeight | undefined,
    passes = 1,
  ) {
    this.#held = held;
    this.#groups = groups;
    this.#table = table;
    this.#groupAt = new Map(groups.map((group) => [group.prefix, group]));
    this.turns = new Turns(passes, (waitedFor) => this.#nextOf(waitedFor));
    for (const group of groups) for (const { name } of group.weights) this.#groupOf.set(name, group);
    this.#reader = new WeightReader(Math.max(0, ...groups.map(({ weights }) => bufferBytes(weights))));
    try {
      for (const stack of new Set(groups.map((group) => group.stack)))
        this.#enter(groups.find((group) => group.stack === stack) as Group);
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  has(name: string): boolean {
    return this.#held.has(name) || this.#groupOf.has(name) || name === this.#table?.name;
  }

  get(name: string): tf.Tensor | undefined {
    const group = this.#groupOf.get(name);
    if (group) return this.#enter(group).get(name);
    if (name === this.#table?.name)
      throw new NuwaError(`weight ${name}: is left in its file, of which only rows are read. Use a larger --memory.`);
    return this.#held.get(name);
  }

  rows(name: string, indices: readonly number[]): tf.Tensor2D | undefined {
    if (!this.#table || name !== this.#table.name) return undefined;
    return tf.tensor2d(this.#reader.rows(this.#table, indices), [indices.length, this.#table.shape[1]]);
  }

  turn(prefix: string): Turn | undefined {
    const group = this.#groupAt.get(prefix);
    return group && this.turns.turn(group);
  }

  /** Of some layers the one that is there, or the first of those behind it. */
  #nextOf(wanted: ReadonlySet<Group>): Group {
    const from = [...this.#groups.slice(this.#latest), ...this.#groups.slice(0, this.#latest)];
    return from.find((group) => wanted.has(group)) as Group;
  }

  /** The tensors of a layer, which are read where they are not there. */
  #enter(group: Group): ReadonlyMap<string, tf.Tensor> {
    this.#latest = this.#groups.indexOf(group);
    const present = this.#present.get(group.stack);
    if (present?.group === group) return present.tensors;
    if (tf.engine().state.gradientDepth > 0)
      throw new NuwaError(
        "gradients need all weights in memory, but layers are read from the checkpoint. Use a larger --memory.",
      );
    // First, so that there is never more than one.
    this.#free(group.stack);
    const tensors = this.#reader.read(group.weights, this.#after(group).weights);
    for (const tensor of tensors.values()) tf.keep(tensor);
    this.#present.set(group.stack, { group, tensors });
    return tensors;
  }

  /** What is expected to be needed next: decoding begins again at the first layer of the decoder. */
  #after(group: Group): Group {
    const next = this.#groups[this.#groups.indexOf(group) + 1];
    return next ?? (this.#groups.find(({ stack }) => stack === group.stack) as Group);
  }

  #free(stack: string): void {
    tf.dispose([...(this.#present.get(stack)?.tensors.values() ?? [])]);
    this.#present.delete(stack);
  }

  /** Frees the layers that are in memory, and ends the worker that reads them. */
  dispose(): void {
    for (const stack of [...this.#present.keys()]) this.#free(stack);
    this.#reader.close();
  }
}
