import { NuwaError } from "../../core/errors.ts";

/** What is there of a file. */
export interface Partial {
  /** Bytes from its beginning. */
  readonly have: number;
  /** What the server called the version that they are of, in this process. */
  readonly etag: string | undefined;
}

/** What a request for the rest of a file says. */
export function headersFor({ have, etag }: Partial): Record<string, string> {
  // Encoded bytes would be counted wrongly and could not be continued.
  const plain = { "accept-encoding": "identity" };
  if (have === 0) return plain;
  return { ...plain, range: `bytes=${have}-`, ...(isStrong(etag) ? { "if-range": etag } : {}) };
}

/** A weak tag says that versions mean the same, not that they have the same bytes (RFC 9110, section 8.8.3). */
function isStrong(etag: string | undefined): etag is string {
  return /^"[\x21\x23-\x7e]{1,200}"$/.test(etag ?? "");
}

/**
 * Where an answer to such a request begins: at the beginning of the file, or where the part ended.
 *
 * @param size of the whole file, as the hub lists it
 * @returns undefined when it cannot be used: the server gives no ranges, another one, or one of another version
 * @throws NuwaError when the server's file has another size
 */
export function beginningOf(response: Response, partial: Partial, size: number, what: string): Partial | undefined {
  const { status, headers } = response;
  const etag = headers.get("etag") ?? undefined;
  const isEncoded = (headers.get("content-encoding") ?? "identity") !== "identity";
  if (status === 200) {
    const length = headers.get("content-length");
    if (length !== null && !isEncoded) requireSize(Number(length), size, what);
    return { have: 0, etag };
  }
  const range = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(headers.get("content-range") ?? "");
  if (status !== 206 || !range || isEncoded || (etag && partial.etag && etag !== partial.etag)) return undefined;
  const [first, last] = [Number(range[1]), Number(range[2])];
  if (range[3] !== "*") requireSize(Number(range[3]), size, what);
  return first === partial.have && last >= first && last < size
    ? { have: first, etag: partial.etag ?? etag }
    : undefined;
}

function requireSize(there: number, size: number, what: string): void {
  if (there > size)
    throw new NuwaError(`${what}: the server sends more than the ${size} bytes that the hub lists. Fetch again.`);
  if (there !== size)
    throw new NuwaError(`${what}: the server has ${there} of the ${size} bytes that the hub lists. Fetch again later.`);
}
