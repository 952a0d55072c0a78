import { pathToFileURL } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../../core/errors.ts";
import { describeGpu, nvidiaGpus } from "../native/gpu.ts";
import { guardDevice, type WebgpuInternals } from "./guard.ts";
import { type Adapter, dawnFile, tryWebgpu } from "./trial.ts";

/** The exports of the package that brings Dawn. */
interface Dawn {
  create(options: readonly string[]): GPU;
  /** The names that a browser has globally, such as GPUBufferUsage. */
  readonly globals: object;
}

let prepared: Promise<Adapter> | undefined;

/**
 * Registers the webgpu backend, once, and makes it the current one.
 *
 * @returns the GPU that it runs on
 * @throws NuwaError with the reason and the remedy where there is none
 */
export function prepareWebgpu(): Promise<Adapter> {
  prepared ??= prepare();
  return prepared;
}

async function prepare(): Promise<Adapter> {
  const trial = tryWebgpu();
  if (!trial.usable) throw new NuwaError(`the webgpu backend cannot be used: ${trial.reason}.`);
  Object.assign(process.env, trial.variables);
  const dawn: Dawn = await import(pathToFileURL(dawnFile() as string).href);
  Object.assign(globalThis, dawn.globals);
  // Before the import of the backend, which looks for it once. Node has had a navigator since version 21.
  const gpu = dawn.create([]);
  if (globalThis.navigator) Object.defineProperty(globalThis.navigator, "gpu", { value: gpu });
  else Object.defineProperty(globalThis, "navigator", { value: { gpu } });
  await import("@tensorflow/tfjs-backend-webgpu");
  if (!(await tf.setBackend("webgpu")))
    throw new NuwaError(`the webgpu backend failed to start on ${trial.adapter.device}.`);
  guardDevice(tf.backend() as unknown as WebgpuInternals);
  return trial.adapter;
}

/** The name of a GPU: "NVIDIA H200 (139.8 GiB)" where its driver reports its memory, else as WebGPU names it. */
export function describeAdapter({ vendor, device, description }: Adapter): string {
  const named = vendor === "nvidia" ? nvidiaGpus() : [];
  // WebGPU reports neither index nor memory; with several GPUs the name would be a guess.
  if (named.length === 1) return describeGpu(named[0]);
  return [device || vendor, description].filter(Boolean).join(", ");
}
