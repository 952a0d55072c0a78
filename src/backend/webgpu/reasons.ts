/**
 * Says why there is no adapter, as the end of a sentence, with the remedy.
 *
 * @param log what the Vulkan loader (with VK_LOADER_DEBUG=error) and Dawn wrote on stderr
 * @param end how the asking process ended when it did not end by itself: a signal or an exit code
 * @param nvidiaGpu whether an NVIDIA GPU is there
 */
export function whyNoAdapter(log: string, end: string | undefined, nvidiaGpu: boolean): string {
  const lines = log.split("\n").map((line) => line.trim());
  if (lines.some((line) => /libvulkan\.so\.1: cannot open/.test(line)))
    return "Vulkan's loader libvulkan.so.1 is missing (on Debian and Ubuntu: apt-get install libvulkan1)";
  if (end !== undefined) {
    const said = lines.find((line) => /error/i.test(line));
    return `asking for a GPU ended with ${end}${said ? ` (${said})` : ""}`;
  }
  // A driver library that is there and cannot be loaded, and what it lacks.
  const unloadable = lines
    .map((line) => line.match(/^(?:\[Vulkan Loader\] )?ERROR[^:]*:\s*(.+\.so[.\d]*: .+)$/)?.[1])
    .find(Boolean);
  if (unloadable) return `the Vulkan driver cannot be loaded (${unloadable})`;
  if (nvidiaGpu)
    return (
      "there is an NVIDIA GPU, but Vulkan's part of its driver, libGLX_nvidia.so.0 or libEGL_nvidia.so.0, is not " +
      "there or does not work (a container needs NVIDIA_DRIVER_CAPABILITIES=all)"
    );
  return (
    "no Vulkan driver was found that Dawn accepts " +
    "(install the GPU's driver; for a software one set VK_ICD_FILENAMES)"
  );
}
