import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** File in which a bundle notes the commit that it was made from; it has no git. */
export const ORIGIN = "origin.json";

/**
 * The commit of the sources: what a bundle noted, else what git says; "…, changed" where files differ from it, and
 * undefined where neither knows.
 */
export function commitOf(project: string): string | undefined {
  const noted = join(project, ORIGIN);
  if (existsSync(noted)) return (JSON.parse(readFileSync(noted, "utf8")) as { commit?: string }).commit;
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: project, encoding: "utf8", stdio: "pipe" }).trim();
  try {
    const commit = git("rev-parse", "HEAD");
    return git("status", "--porcelain", "--untracked-files=no") ? `${commit}, changed` : commit;
  } catch {
    return undefined;
  }
}
