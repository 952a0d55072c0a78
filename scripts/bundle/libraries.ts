import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, lstatSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { makeTemporary, removeTemporary } from "../../src/io/leftovers.ts";

/**
 * Shared libraries that a machine made for computing may lack. Vulkan's loader is what Dawn looks for;
 * one of the two libraries that hold NVIDIA's Vulkan driver needs X11's client libraries.
 */
const LIBRARIES = {
  vulkan: { packages: ["libvulkan1"], files: /^libvulkan\.so\.1$/ },
  x11: {
    packages: ["libx11-6", "libxext6", "libxcb1", "libxau6", "libxdmcp6", "libbsd0", "libmd0"],
    files: /^lib(X11|Xext|xcb|Xau|Xdmcp|bsd|md)\.so\.\d+$/,
  },
} as const;

/**
 * Puts those libraries below a folder, out of the packages of Debian or Ubuntu (Apache-2.0 for the
 * loader, MIT for X11's, BSD for libbsd and libmd; their copyright files go with them).
 *
 * @returns a line about each group: that it is there, or why not
 */
export function addLibraries(folder: string): string[] {
  return Object.entries(LIBRARIES).map(([group, { packages, files }]) => {
    const unpacked = makeTemporary("bundle");
    try {
      unpackDebian(packages, unpacked);
      const target = join(folder, group);
      mkdirSync(target, { recursive: true });
      const found = sharedLibraries(unpacked).filter(({ name }) => files.test(name));
      for (const { name, path } of found) copyFileSync(path, join(target, name));
      for (const name of packages)
        copyIfThere(join(unpacked, "usr/share/doc", name, "copyright"), join(target, `${name}.copyright`));
      return `lib/${group}: ${found.map(({ name }) => name).join(", ")}, from the packages ${packages.join(", ")}`;
    } catch (error) {
      const [reason] = (error as Error).message.split("\n");
      return (
        `lib/${group} is left out: ${packages.join(", ")} cannot be had through apt-get (${reason}). ` +
        "Machines without these libraries of their own cannot use the GPU."
      );
    } finally {
      removeTemporary(unpacked);
    }
  });
}

function unpackDebian(packages: readonly string[], folder: string): void {
  // Not quiet by itself: apt warns on stderr when it is run by root.
  execFileSync("apt-get", ["download", ...packages], { cwd: folder, stdio: "pipe", timeout: 120_000 });
  for (const name of readdirSync(folder).filter((entry) => entry.endsWith(".deb")))
    execFileSync("dpkg-deb", ["-x", name, "."], { cwd: folder, stdio: "pipe" });
}

/** All files and links named like shared libraries; a link's path leads to the file with the contents. */
function sharedLibraries(folder: string): { name: string; path: string }[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((place) => ({ name: place.split("/").at(-1) as string, path: join(folder, place) }))
    .filter(({ name, path }) => name.includes(".so") && !lstatSync(path).isDirectory());
}

function copyIfThere(from: string, to: string): void {
  if (existsSync(from)) copyFileSync(from, to);
}
