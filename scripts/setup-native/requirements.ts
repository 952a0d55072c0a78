import { NuwaError } from "../../src/core/errors.ts";
import { compareVersions } from "./plan.ts";

/** A wheel that another one needs: its name and the versions that fit, as pip writes them: "<13.0,>=12.5.82". */
export interface Requirement {
  readonly name: string;
  readonly specifier: string;
}

/**
 * The NVIDIA wheels that a TensorFlow wheel needs, from its METADATA: the `Requires-Dist` lines of the
 * extra `and-cuda`. They are the only source that says which CUDA it was built with.
 *
 * @throws NuwaError when it names none (TensorFlow before 2.14)
 */
export function cudaRequirements(metadata: string): Requirement[] {
  const found: Requirement[] = [];
  for (const line of metadata.split(/\r?\n/)) {
    if (line === "") break; // the description begins
    const match = /^Requires-Dist:\s*(nvidia-[\w.-]+)\s*\(?([^;)]*)\)?\s*;(.*)$/.exec(line);
    if (match && /extra\s*==\s*["']and-cuda["']/.test(match[3]))
      found.push({ name: match[1], specifier: match[2].replaceAll(" ", "") });
  }
  if (found.length === 0)
    throw new NuwaError(
      "this TensorFlow wheel does not name its CUDA wheels (extra and-cuda). Use version 2.15 or later.",
    );
  return found;
}

/**
 * Whether a version fits a specifier such as "<13.0,>=12.5.82", "==12.5.82" or "~=9.3".
 *
 * @throws NuwaError when the specifier has an operator that is not known
 */
export function fits(version: string, specifier: string): boolean {
  return specifier.split(",").every((part) => {
    if (part === "") return true;
    const [, operator, wanted] = /^(~=|===?|!=|<=|>=|<|>)(.+)$/.exec(part) ?? [];
    if (!operator) throw new NuwaError(`"${part}" is no version specifier (in the METADATA of a wheel).`);
    if (wanted.endsWith(".*")) {
      const same = `${version}.`.startsWith(wanted.slice(0, -1));
      return operator === "!=" ? !same : same;
    }
    const order = compareVersions(version, wanted);
    if (operator === "<") return order < 0;
    if (operator === "<=") return order <= 0;
    if (operator === ">") return order > 0;
    if (operator === ">=") return order >= 0;
    if (operator === "!=") return order !== 0;
    if (operator === "~=")
      return order >= 0 && `${version}.`.startsWith(`${wanted.split(".").slice(0, -1).join(".")}.`);
    return order === 0;
  });
}

/** A wheel that is installed in a Python of this machine. */
export interface InstalledWheel {
  readonly name: string;
  readonly version: string;
  /** Its site-packages folder. */
  readonly folder: string;
}

/**
 * The site-packages folder that holds all requirements in versions that fit, or undefined. All or
 * nothing: libraries of CUDA from two sources would be a combination that has not been tested.
 */
export function folderThatFits(
  requirements: readonly Requirement[],
  installed: readonly InstalledWheel[],
): string | undefined {
  const folders = [...new Set(installed.map(({ folder }) => folder))];
  return folders.find((folder) =>
    requirements.every(({ name, specifier }) =>
      installed.some((wheel) => wheel.folder === folder && wheel.name === name && fits(wheel.version, specifier)),
    ),
  );
}
