/** One small way to break the code: a mistake that somebody could make. */
export interface Mutation {
  readonly what: string;
  /** Below src/. */
  readonly file: string;
  /** Occurs there exactly once. */
  readonly from: string;
  readonly to: string;
}
