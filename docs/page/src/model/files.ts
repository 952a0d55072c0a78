import interpreterUrl from "@jitl/quickjs-wasmfile-release-sync/wasm?url";
import wasmUrl from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url";
import config from "../../../../weights/no-places/config.json";
import generationConfig from "../../../../weights/no-places/generation_config.json";
import weightsUrl from "../../../../weights/no-places/model.safetensors?url";
import preprocessor from "../../../../weights/no-places/preprocessor_config.json";
import tokenizer from "../../../../weights/no-places/tokenizer.json";
import tokenizerConfig from "../../../../weights/no-places/tokenizer_config.json";
import type { CheckpointFiles } from "./protocol.ts";
import workerUrl from "./worker.ts?worker&url";

/** Everything that the page loads besides itself. */
export interface LoadedFiles {
  readonly checkpoint: CheckpointFiles;
  /** The program of the worker. */
  readonly program: string;
  /** What runs programs of readers, see `Interpreter`. */
  readonly interpreter: ArrayBuffer;
}

/**
 * Fetches weights, wasm and the worker's program, once.
 *
 * @param progress is told how much of all bytes has come, 0..1
 */
export async function fetchFiles(progress: (share: number) => void): Promise<LoadedFiles> {
  const shares = [0, 0, 0, 0];
  const weights = [0.67, 0.05, 0.22, 0.06];
  const report = (i: number) => (share: number) => {
    shares[i] = share;
    progress(shares.reduce((sum, one, j) => sum + one * weights[j], 0));
  };
  const [tensors, wasm, program, interpreter] = await Promise.all(
    [weightsUrl, wasmUrl, workerUrl, interpreterUrl].map((url, i) => fetched(url, report(i))),
  );
  return {
    checkpoint: { config, generationConfig, preprocessor, tokenizer, tokenizerConfig, weights: tensors, wasm },
    program: new TextDecoder().decode(program),
    interpreter,
  };
}

async function fetched(url: string, progress: (share: number) => void): Promise<ArrayBuffer> {
  const response = await fetch(url);
  if (!response.ok || !response.body) throw new Error(`${url}: answered ${response.status}. Load the page again.`);
  const total = Number(response.headers.get("content-length") ?? 0);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  const reader = response.body.getReader();
  for (let step = await reader.read(); !step.done; step = await reader.read()) {
    parts.push(step.value);
    length += step.value.length;
    if (total > 0) progress(Math.min(1, length / total));
  }
  progress(1);
  return new Blob(parts).arrayBuffer();
}
