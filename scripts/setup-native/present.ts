import { createHash } from "node:crypto";
import { existsSync, realpathSync, statSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { cudaLibraries } from "../../src/backend/native/cuda.ts";
import { NuwaError } from "../../src/core/errors.ts";
import { beginLibraries, checkHeaders, completeLibraries, type Libraries, libraryFiles } from "./libraries.ts";
import { say, type Workspace } from "./workspace.ts";

/** A libtensorflow of this machine: the folders of its libraries and its headers. */
interface Present {
  readonly libraries: string;
  readonly include: string;
}

/**
 * A libtensorflow that is already on this machine, used without copying it: a TensorFlow of Python
 * (`site-packages/tensorflow`), or a prefix such as /usr/local with `lib/` and `include/`.
 *
 * @throws NuwaError when the folder lacks the libraries or the headers, or they are too old
 */
export function librariesFromFolder(workspace: Workspace, path: string): Libraries {
  const { libraries, include } = look(path);
  libraryFiles(libraries);
  checkHeaders(include);
  const name = folderName(path);
  const part = beginLibraries(workspace, name);
  symlinkSync(libraries, join(part, "tensorflow"));
  symlinkSync(include, join(part, "include"));
  // A TensorFlow of Python may have its CUDA beside it.
  const nvidia = join(dirname(libraries), "nvidia");
  if (cudaLibraries(nvidia).length > 0) symlinkSync(nvidia, join(part, "nvidia"));
  say(`Using libtensorflow where it lies, in ${libraries}`);
  return completeLibraries(workspace, part, { name, source: `the folder ${libraries}`, cuda: null, wheels: [] });
}

/** Name under which {@link librariesFromFolder} keeps its links to a folder. */
export function folderName(path: string): string {
  return `folder-${createHash("sha256").update(look(path).libraries).digest("hex").slice(0, 8)}`;
}

/** Whether {@link librariesFromFolder} would find its files there. */
export function holdsLibtensorflow(path: string): boolean {
  try {
    const { libraries, include } = look(path);
    libraryFiles(libraries);
    checkHeaders(include);
    return true;
  } catch {
    return false;
  }
}

function look(path: string): Present {
  if (!existsSync(path) || !statSync(path).isDirectory()) {
    throw new NuwaError(
      `--libtensorflow ${path}: is neither a folder nor "published", "pypi" or "pypi:VERSION". Give the folder ` +
        "that holds libtensorflow.",
    );
  }
  const folder = realpathSync(path);
  const prefix = existsSync(join(folder, "lib/libtensorflow_framework.so.2"));
  const libraries = prefix ? realpathSync(join(folder, "lib")) : folder;
  const include = [join(folder, "include"), join(dirname(folder), "include")].find((candidate) =>
    existsSync(join(candidate, "tensorflow/c/c_api.h")),
  );
  return { libraries, include: include ?? join(folder, "include") };
}
