import util from "node:util";

/** Whether the native backend could be loaded, and if not, why, as the end of a sentence. */
export type TensorflowStatus =
  | { readonly loaded: true; readonly version: string }
  | { readonly loaded: false; readonly reason: string };

/**
 * Loads @tensorflow/tfjs-node-gpu, an optional dependency whose binary is set up by a command of its
 * own, and registers its backend `tensorflow`. Never throws.
 */
export async function loadTensorflow(): Promise<TensorflowStatus> {
  // Only these two together keep TensorFlow's start-up messages from between the program's lines. oneDNN
  // is off also because its rounding depends on the machine; matrix products are no slower without it.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "1";
  process.env.TF_ENABLE_ONEDNN_OPTS ??= "0";
  supplyRemovedFunctions();
  try {
    const native = await import("@tensorflow/tfjs-node-gpu");
    return { loaded: true, version: native.version["tfjs-node"] };
  } catch (error) {
    return { loaded: false, reason: reasonOf(error as Error & { code?: string }) };
  }
}

/** Node 23 removed two functions that the package calls when it runs its first op. */
function supplyRemovedFunctions(): void {
  const legacy = util as unknown as Record<string, unknown>;
  legacy.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  legacy.isArray ??= Array.isArray;
}

function reasonOf(error: Error & { code?: string }): string {
  const firstLine = error.message.split("\n")[0];
  if (error.code === "ERR_MODULE_NOT_FOUND") return "@tensorflow/tfjs-node-gpu is not installed";
  if (firstLine.includes("tfjs_binding.node")) return "@tensorflow/tfjs-node-gpu has no compiled binary";
  return `@tensorflow/tfjs-node-gpu does not load (${firstLine})`;
}
