import { type Client, clientOf } from "./client.ts";
import type { LoadedFiles } from "./files.ts";
import type { LoadedFacts } from "./protocol.ts";

/** The model in two workers. */
export interface Workers extends Pick<Client, "ask"> {
  /** Tensors that are alive in both. */
  tensors(): Promise<number>;
}

/**
 * Starts two workers with the model each: one answers questions, and the other does everything else, so that a slider
 * that is moved while an answer is computed does not wait for it. One worker that pauses between layers would count
 * what it computes in the pauses as operations of the answer.
 *
 * @param loaded is told what is known of the model
 * @throws Error where one of them does not begin
 */
export async function startWorkers(
  { program, checkpoint }: LoadedFiles,
  loaded: (facts: LoadedFacts) => void,
): Promise<Workers> {
  const start = () => clientOf(program, async (own) => loaded(await own.ask("load", checkpoint)));
  const [atOnce, answering] = [start(), start()];
  const workers: Workers = {
    ask: (task, given) => (task === "ask" ? answering : atOnce).ask(task, given),
    async tensors() {
      const counts = await Promise.all([atOnce, answering].map((worker) => worker.ask("tensors", {})));
      return counts.reduce((sum, count) => sum + count, 0);
    },
  };
  await workers.tensors();
  return workers;
}
