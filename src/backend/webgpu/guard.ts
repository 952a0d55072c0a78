import { NuwaError } from "../../core/errors.ts";

/** The parts of tfjs's backend `webgpu` that are used here. */
export interface WebgpuInternals {
  readonly device: GPUDevice;
  read(dataId: object): Promise<unknown>;
}

/**
 * Turns what goes wrong on a GPU into errors. WebGPU goes on with invalid buffers, whose values are
 * read as zeros, and reports that to an event listener only; so before every tensor that is read, it is
 * checked whether anything has failed.
 */
export function guardDevice(backend: WebgpuInternals): void {
  const { device } = backend;
  let failure: NuwaError | undefined;
  let lost: NuwaError | undefined;
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault();
    failure ??= describeFailure(event.error);
  });
  device.lost.then(({ message }) => {
    lost = new NuwaError(
      `webgpu: the connection to the GPU was lost (${firstLine(message)}). Its driver may have been reset; start ` +
        "again.",
    );
  });
  const check = () => {
    const error = lost ?? failure;
    failure = undefined;
    if (error) throw error;
  };

  const read = backend.read.bind(backend);
  backend.read = async (dataId) => {
    const values = await read(dataId).catch((error: Error) => {
      check();
      throw new NuwaError(`webgpu: a tensor cannot be read (${firstLine(error.message)}).`);
    });
    check();
    return values;
  };

  const largest = Math.min(device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize);
  const createBuffer = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    if (descriptor.size > largest)
      throw new NuwaError(
        `webgpu: a tensor of ${mebibytes(descriptor.size)} MiB is larger than the ${mebibytes(largest)} MiB that ` +
          "this GPU's driver allows. Use a smaller checkpoint or batch, or another backend.",
      );
    try {
      return createBuffer(descriptor);
    } catch (error) {
      throw lost ?? outOfMemory((error as Error).message);
    }
  };
}

function describeFailure(error: GPUError): NuwaError {
  // Dawn's error classes are not those of the global scope.
  if (error.constructor.name === "GPUOutOfMemoryError") return outOfMemory(error.message);
  return new NuwaError(`webgpu: the GPU refused an operation (${firstLine(error.message)}).`);
}

function outOfMemory(message: string): NuwaError {
  return new NuwaError(
    `webgpu: the GPU has no memory left (${firstLine(message)}). Use a smaller checkpoint or batch, or another ` +
      "backend.",
  );
}

function firstLine(message: string): string {
  return message.split("\n")[0].replace(/\.$/, "");
}

function mebibytes(bytes: number): number {
  return Math.ceil(bytes / 2 ** 20);
}
