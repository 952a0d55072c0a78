import type { Preprocessing } from "../../model/preprocessing.ts";
import type { Sample } from "../run/sample.ts";
import type { Mark } from "./marking.ts";

/** A mark with what else the task counts, see {@link Sample}. */
export type Marks = Mark & Pick<Sample, "marks">;

/** One question of a task, ready to be asked and marked. */
export interface Item extends Pick<Sample, "task" | "family" | "style" | "split" | "scene" | "id" | "expected"> {
  /** What the model is asked, with everything that the task puts around the question. */
  readonly question: string;
  /** What counts as right, where that is not one text; `expected` unless given. */
  readonly accepted?: readonly string[];
  /** An answer is truncated after so many tokens. */
  readonly longest: number;
  /**
   * The picture as a file. Items of one task with the same `scene` have the same picture.
   *
   * @param folder where one may be written
   * @param side longer side of what the model sees, in pixels, for pictures that are drawn
   */
  picture(folder: string, side: number): Promise<string>;
  /** The path of the picture, which need not be there, or what it is drawn or read from. */
  pictureName(): string;
  /** @param seen how pictures are prepared, for tasks whose boxes it moves */
  mark(said: string, seen: Preprocessing): Marks;
}
