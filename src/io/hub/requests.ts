import { NuwaError } from "../../core/errors.ts";
import { reasonOf } from "../files.ts";

/** Where checkpoints come from. */
export interface Hub {
  /** Address without a slash at the end: https://huggingface.co or a mirror of it. */
  readonly host: string;
  /** Sent to the host alone, not to where it redirects. */
  readonly token?: string;
  /** Waits before another try (tests do not wait); gets what is tried again, and why. */
  readonly pause: (milliseconds: number, what: string, why: string) => Promise<void>;
}

/** Tries for one request that make no headway. */
export const TRIES = 5;

/**
 * Sends a request to the hub and follows its redirects. It is repeated when the server is busy or fails, each
 * time after a longer pause; Node itself closes connections that are silent for five minutes.
 *
 * @param what named in errors
 * @param more headers
 * @returns a response of status 2xx, or 416 to a request for a range
 * @throws NuwaError saying what to do: a wrong name, a token that is needed, a server that does not answer
 */
export async function request(
  hub: Hub,
  path: string,
  what: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const headers = { ...more, ...(hub.token ? { authorization: `Bearer ${hub.token}` } : {}) };
  for (let tries = 1; ; tries++) {
    let problem: string;
    try {
      const response = await fetch(`${hub.host}${path}`, { headers });
      if (response.ok || (response.status === 416 && "range" in headers)) return response;
      await response.body?.cancel();
      refuse(response.status, hub, what);
      problem = `the server says ${response.status}`;
    } catch (error) {
      if (error instanceof NuwaError) throw error;
      problem = causeOf(error);
    }
    if (tries === TRIES)
      throw new NuwaError(`${what}: ${hub.host} does not give it (${problem}). Check the connection and try again.`);
    await hub.pause(500 * 2 ** tries, what, problem);
  }
}

/** Throws for what a repeated request would not change. */
function refuse(status: number, { host, token }: Hub, what: string): void {
  if (status === 404) throw new NuwaError(`${what}: is not on ${host}. Check the name and the revision.`);
  if (status === 401 || status === 403)
    throw new NuwaError(
      token
        ? `${what}: ${host} refuses it to the account of HF_TOKEN. Check the name, and ask for access on its page.`
        : `${what}: is private or gated, or does not exist. ` +
            "Check the name; if it is right, set HF_TOKEN to a token of an account that has access.",
    );
  if (status !== 429 && status < 500) throw new NuwaError(`${what}: ${host} refuses it with status ${status}.`);
}

/** fetch hides the reason behind "fetch failed". */
export function causeOf(error: unknown): string {
  const { cause } = error as Error;
  return reasonOf(cause instanceof Error && cause.message ? cause : error);
}
