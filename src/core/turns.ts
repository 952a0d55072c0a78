/** A point at which a computation lets others catch up, before it needs what is expensive to fetch. */
export class Turn {
  /** @param wait until it may go on */
  constructor(readonly wait: () => Promise<void>) {}
}

interface Waiting<K> {
  readonly key: K;
  readonly go: () => void;
}

/**
 * Lets computations that need the same things in the same order share them: each says what it needs next and waits;
 * when all that are under way wait, those go on that need the same. So a thing that only one fits into memory of, such
 * as a layer of a large model, is fetched once for all of them.
 */
export class Turns<K> {
  /** Computations that are under way. */
  #members = 0;
  #waiting: Waiting<K>[] = [];

  /**
   * @param most computations that there is memory for
   * @param next which of the keys that are waited for is to be had first
   */
  constructor(
    readonly most: number,
    private readonly next: (keys: ReadonlySet<K>) => K,
  ) {}

  /**
   * Does several works side by side.
   *
   * @returns their results in order
   * @throws what the first one in order threw that failed, once all have ended
   */
  async together<T>(works: readonly (() => Promise<T>)[]): Promise<T[]> {
    this.#members += works.length;
    const ends = await Promise.allSettled(
      works.map(async (work) => {
        try {
          return await work();
        } finally {
          this.#members--;
          this.#go();
        }
      }),
    );
    return ends.map((end) => {
      if (end.status === "rejected") throw end.reason;
      return end.value;
    });
  }

  /** To be waited for before a key is used; undefined where nobody shares it. */
  turn(key: K): Turn | undefined {
    if (this.#members === 0) return undefined;
    return new Turn(
      () =>
        new Promise((go) => {
          this.#waiting.push({ key, go });
          this.#go();
        }),
    );
  }

  /** When all wait, lets those go on whose key is next. */
  #go(): void {
    if (this.#waiting.length === 0 || this.#waiting.length < this.#members) return;
    const next = this.next(new Set(this.#waiting.map(({ key }) => key)));
    const [ready, others] = [true, false].map((isReady) =>
      this.#waiting.filter(({ key }) => (key === next) === isReady),
    );
    this.#waiting = others;
    for (const { go } of ready) go();
  }
}
