import { NuwaError } from "../../core/errors.ts";
import { shown } from "../../core/schema.ts";
import { reasonOf } from "../files.ts";

/** Where checkpoints come from. */
export interface Hub {
  /** Address: https://huggingface.co or a mirror of it, which may lie below a path. */
  readonly host: string;
  /** Sent to the host alone, not to where it redirects. */
  readonly token?: string;
  /** Waits before another try (tests do not wait); gets what is tried again, and why. */
  readonly pause: (milliseconds: number, what: string, why: string) => Promise<void>;
  /** How long a server is waited for; {@link PATIENCE} unless given (tests are less patient). */
  readonly patience?: Patience;
}

/** How long a server is waited for, in milliseconds. */
export interface Patience {
  /** Without a byte, from the request on. */
  readonly silent: number;
  /** For an answer of the hub's interface, and for a file besides what its bytes take; all tries together. */
  readonly whole: number;
  /** For each byte of a file. */
  readonly each: number;
}

/** 100 kB/s are slow enough for any line on which a checkpoint can be fetched. */
const PATIENCE: Patience = { silent: 30_000, whole: 600_000, each: 0.01 };

/** Tries that make no headway. */
export const TRIES = 5;

const MOST_REDIRECTS = 5;

/**
 * Codes of errors that another try would meet again: an answer that is no HTTP, a certificate that is not valid.
 * Sources: llhttp, undici, and Node's documentation of TLS.
 */
const LASTING = /^(HPE_|UND_ERR_(HEADERS_OVERFLOW|INVALID)|CERT_|ERR_(TLS|SSL)_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;

/** What {@link insist} is told about what it repeats. */
export interface Attempt<T> {
  /** Named in errors and before pauses. */
  readonly what: string;
  /** Bytes to come, from which follows how long all tries may take. */
  readonly bytes: number;
  /** A try; what it throws is tried again unless it is a NuwaError. */
  once(end: number): Promise<T>;
  /** Grows with each headway; undefined where a try gets all or nothing. */
  furthest?(): number;
  /** The problem in words, before a pause. */
  inWords?(problem: string): string;
  /** What is said in the end. */
  failed(problem: string): string;
}

/**
 * Tries until it works, or does not get any further five times in a row, each time after a longer pause.
 *
 * @throws NuwaError when it does not work, or all tries together take too long
 */
export async function insist<T>(hub: Hub, attempt: Attempt<T>): Promise<T> {
  const { whole, each } = hub.patience ?? PATIENCE;
  const end = Date.now() + whole + each * attempt.bytes;
  let furthest = attempt.furthest?.() ?? 0;
  for (let tries = 1; ; tries++) {
    let problem: string;
    try {
      return await attempt.once(end);
    } catch (error) {
      if (error instanceof NuwaError) throw error;
      problem = causeOf(error);
      if (isLasting(error)) throw new NuwaError(attempt.failed(problem));
    }
    const now = attempt.furthest?.() ?? 0;
    // A server that gives the beginning again and again makes no headway.
    if (now > furthest) tries = 1;
    furthest = Math.max(furthest, now);
    if (tries === TRIES || Date.now() >= end) throw new NuwaError(attempt.failed(problem));
    await hub.pause(500 * 2 ** tries, attempt.what, attempt.inWords?.(problem) ?? problem);
  }
}

/**
 * Sends a request to the hub, once, and follows its redirects.
 *
 * @param what named in errors
 * @param end when it is given up, as a time of `Date.now()`
 * @param use reads the answer, of status 2xx or of 416 to a request for a range; it calls `heard` for each piece
 * @throws NuwaError saying what to do where another try would not help: a wrong name, a token that is needed
 */
export async function request<T>(
  hub: Hub,
  path: string,
  what: string,
  headers: Readonly<Record<string, string>>,
  end: number,
  use: (response: Response, heard: () => void) => Promise<T>,
): Promise<T> {
  const { silent } = hub.patience ?? PATIENCE;
  const abort = new AbortController();
  const giveUp = (why: string) => () => abort.abort(new Error(why));
  const silence = setTimeout(giveUp(`nothing came for ${silent / 1000} s`), silent);
  const whole = setTimeout(giveUp("it takes too long"), Math.min(Math.max(end - Date.now(), 0), 2 ** 31 - 1));
  const heard = () => void silence.refresh();
  try {
    const response = await follow(hub, path, what, headers, abort.signal, heard);
    if (response.ok || (response.status === 416 && "range" in headers)) return await use(response, heard);
    await response.body?.cancel();
    refuse(response.status, hub, what);
    throw new Error(`the server says ${response.status}`);
  } finally {
    clearTimeout(silence);
    clearTimeout(whole);
    // What was not read, as of an answer that was refused.
    abort.abort();
  }
}

async function follow(
  { host, token }: Hub,
  path: string,
  what: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  heard: () => void,
): Promise<Response> {
  let url = new URL(`${host.replace(/\/$/, "")}${path}`);
  const { origin } = url;
  let isHub = true;
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    isHub &&= url.origin === origin;
    const own: Record<string, string> = token && isHub ? { authorization: `Bearer ${token}` } : {};
    const response = await fetch(url, { headers: { ...headers, ...own }, redirect: "manual", signal });
    heard();
    if (![301, 302, 303, 307, 308].includes(response.status)) return response;
    await response.body?.cancel();
    url = whereTo(url, response.headers.get("location") ?? "", what);
  }
  throw new NuwaError(`${what}: ${host} redirects more than ${MOST_REDIRECTS} times. Check the host.`);
}

/** @throws NuwaError where a redirect leads nowhere, or out of what is encrypted */
function whereTo(from: URL, location: string, what: string): URL {
  const url = URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
  const isKnown = url?.protocol === "https:" || (url?.protocol === "http:" && from.protocol === "http:");
  if (!url || location === "" || !isKnown || url.username || url.password)
    throw new NuwaError(
      `${what}: ${from.origin} redirects to ${shown(location)}, which is not followed. Check the host.`,
    );
  return url;
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

function isLasting(error: unknown): boolean {
  const { code, cause } = error as NodeJS.ErrnoException;
  return LASTING.test(code ?? "") || (cause !== undefined && isLasting(cause));
}

/** fetch hides the reason behind "fetch failed". */
function causeOf(error: unknown): string {
  const { cause } = error as Error;
  return reasonOf(cause instanceof Error && cause.message ? cause : error);
}
