import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { findVulkanDrivers } from "../../src/backend/webgpu/drivers.ts";
import { whyNoAdapter } from "../../src/backend/webgpu/reasons.ts";
import { webgpuReport } from "../../src/backend/webgpu/report.ts";
import { NuwaError } from "../../src/core/errors.ts";

/** A machine with these files and no others. */
const machine =
  (...files: string[]) =>
  (path: string) =>
    files.includes(path);

describe("the search for a Vulkan driver", () => {
  it("is left to Vulkan's loader where there is no NVIDIA GPU, whatever libraries lie about", () => {
    expect(findVulkanDrivers({}, machine("/usr/lib64/libGLX_nvidia.so.0"))).toEqual({
      nvidiaGpu: false,
      attempts: [{}],
    });
  });

  it("tries, after the loader, a mounted manifest and then each library of NVIDIA's driver that is there", () => {
    const files = ["/dev/nvidiactl", "/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json"];
    const libraries = ["/usr/lib/x86_64-linux-gnu/libGLX_nvidia.so.0", "/opt/driver/libEGL_nvidia.so.0"];
    const { nvidiaGpu, attempts } = findVulkanDrivers(
      { LD_LIBRARY_PATH: "/somewhere:/opt/driver" },
      machine(...files, ...libraries),
    );
    expect(nvidiaGpu).toBe(true);
    expect(attempts).toEqual([
      {},
      { VK_ICD_FILENAMES: files[1] },
      { VK_ICD_FILENAMES: expect.stringMatching(/nvidia-glx\.json$/) },
      { VK_ICD_FILENAMES: expect.stringMatching(/nvidia-egl\.json$/) },
    ]);
  });

  it("tries nothing else where the user has named a driver", () => {
    const files = machine("/dev/nvidia0", "/usr/lib64/libGLX_nvidia.so.0");
    for (const name of ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"])
      expect(findVulkanDrivers({ [name]: "/a.json" }, files).attempts).toEqual([{}]);
  });
});

describe("the reason why there is no GPU", () => {
  it.each([
    [
      "the loader is missing",
      "Warning: Couldn't load Vulkan: libvulkan.so.1: cannot open shared object file: No such file or directory",
      undefined,
      true,
      /libvulkan\.so\.1 is missing .*libvulkan1/,
    ],
    [
      "the driver lacks a library",
      "ERROR:            libX11.so.6: cannot open shared object file: No such file or directory\nERROR: " +
        "loader_icd_scan: Failed",
      undefined,
      true,
      /driver cannot be loaded \(libX11\.so\.6: cannot open/,
    ],
    [
      "the driver lacks a library, in the words of newer loaders",
      "[Vulkan Loader] ERROR | DRIVER:   libGLX_nvidia.so.0: cannot open shared object file: No such file or directory",
      undefined,
      true,
      /driver cannot be loaded \(libGLX_nvidia\.so\.0: cannot open/,
    ],
    ["an NVIDIA GPU has no Vulkan driver", "", undefined, true, /NVIDIA_DRIVER_CAPABILITIES=all/],
    ["there is no driver at all", "ERROR: vkCreateInstance: Found no drivers!", undefined, false, /no Vulkan driver/],
    ["the driver crashes", "", "SIGSEGV", true, /ended with SIGSEGV/],
  ])("is told: %s", (_, log, end, nvidiaGpu, wanted) => {
    expect(whyNoAdapter(log, end, nvidiaGpu)).toMatch(wanted);
    expect(whyNoAdapter(log, end, nvidiaGpu)).not.toContain("\n");
  });
});

describe("without a driver", () => {
  let before: string | undefined;
  beforeEach(() => {
    before = process.env.VK_ICD_FILENAMES;
    process.env.VK_ICD_FILENAMES = "/nowhere/driver.json";
  });
  afterEach(() => {
    if (before === undefined) delete process.env.VK_ICD_FILENAMES;
    else process.env.VK_ICD_FILENAMES = before;
  });

  it("asking for webgpu is an error with a reason and a remedy", async () => {
    const asked = useBackend("webgpu");
    await expect(asked).rejects.toBeInstanceOf(NuwaError);
    await expect(asked).rejects.toThrow(/^the webgpu backend cannot be used: .+\(.+\)\.$/);
  });

  it("the doctor is told the same", () => {
    const { usable, lines } = webgpuReport();
    expect(usable).toBe(false);
    expect(lines).toEqual([expect.stringMatching(/^optional, not usable: .+/)]);
  });
});
