/** What programs outside, such as tests, can ask the page. */
export interface NuwaPage {
  /** Fulfilled when the model is loaded and the first answer is there. */
  readonly ready: Promise<void>;
  /** Tensors that are alive in the workers. */
  tensors(): Promise<number>;
  state(): {
    readonly seed: number;
    readonly budget: number;
    readonly method: string;
    readonly positions: string;
    /** Cells that stage 1 of method A keeps; −1 stands for a token that was mixed from many. */
    readonly kept: readonly number[];
    /** Their position ids. */
    readonly ids: readonly number[];
    readonly answer: string;
    readonly box?: readonly number[];
    /** Whether what this state says is being computed; answers of method B and the unpruned model are no part. */
    readonly busy: boolean;
    /** Scores of the first answer token. */
    readonly logits: readonly number[];
  };
}
