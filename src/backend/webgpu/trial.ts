import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { findVulkanDrivers, type LoaderVariables } from "./drivers.ts";
import { whyNoAdapter } from "./reasons.ts";

/** The npm package that brings Dawn, Chrome's WebGPU, to Node. */
export const DAWN_PACKAGE = "webgpu";

const adapterSchema = z.object({
  vendor: z.string(),
  device: z.string(),
  description: z.string(),
  /** The largest tensor that it can work on. */
  largestTensorBytes: z.number(),
});

/** A GPU as WebGPU describes it. */
export type Adapter = z.infer<typeof adapterSchema>;

/** What a trial showed. */
export type WebgpuTrial =
  | {
      readonly usable: true;
      /** What the backend will run on. */
      readonly adapter: Adapter;
      /** The environment in which it was found. */
      readonly variables: LoaderVariables;
      /** Why it is not the NVIDIA GPU of this machine, where there is one. */
      readonly nvidiaUnused?: string;
    }
  | {
      readonly usable: false;
      /** Why there is none, as the end of a sentence. */
      readonly reason: string;
    };

/** A driver that hangs is stopped. The first start on a machine may take long: drivers are large. */
const TRIAL_SECONDS = 120;

/** Asks for an adapter as the backend does, and for a device on it. Plain JavaScript: it is run without compilation. */
const PROGRAM = `
  import(process.argv[1]).then(async ({ create }) => {
    const adapter = await create([]).requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) return null;
    const { info, limits } = adapter;
    await adapter.requestDevice();
    return {
      vendor: info.vendor,
      device: info.device,
      description: info.description,
      largestTensorBytes: Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize),
    };
  }).then((answer) => console.log(JSON.stringify(answer)));
`;

/** The file that Node loads for the package, or undefined where it is not installed. */
export function dawnFile(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(DAWN_PACKAGE);
  } catch {
    return undefined;
  }
}

/**
 * Asks for a GPU in a process of its own, so that what drivers print, and a driver that crashes or
 * hangs, stay out of this one. Never throws.
 */
export function tryWebgpu(): WebgpuTrial {
  const file = dawnFile();
  if (file === undefined) {
    return {
      usable: false,
      reason: `the npm package ${DAWN_PACKAGE} is not installed; npm installs it with the optional packages`,
    };
  }
  const { nvidiaGpu, attempts } = findVulkanDrivers();
  let other: (WebgpuTrial & { readonly usable: true }) | undefined;
  let log = "";
  let end: string | undefined;
  for (const variables of attempts) {
    const child = spawnSync(process.execPath, ["-e", PROGRAM, pathToFileURL(file).href], {
      encoding: "utf8",
      timeout: TRIAL_SECONDS * 1000,
      env: { ...process.env, ...variables, VK_LOADER_DEBUG: "error" },
    });
    const adapter = readAnswer(child.stdout);
    const found = adapter && ({ usable: true, adapter, variables } as const);
    if (found && (!nvidiaGpu || adapter.vendor === "nvidia")) return found;
    other ??= found;
    log += child.stderr;
    end ??= child.signal ?? (child.status === 0 ? undefined : `exit code ${child.status}`);
  }
  const reason = whyNoAdapter(log, end, nvidiaGpu);
  return other ? { ...other, nvidiaUnused: reason } : { usable: false, reason };
}

function readAnswer(stdout: string): Adapter | undefined {
  try {
    return adapterSchema.parse(JSON.parse(stdout.trim().split("\n").at(-1) ?? ""));
  } catch {
    return undefined;
  }
}
