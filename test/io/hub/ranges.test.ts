import { describe, expect, it } from "vitest";
import { beginningOf, headersFor } from "../../../src/io/hub/ranges.ts";

describe("the rest of a file", () => {
  it("is asked for by its first byte, and under a strong mark alone", () => {
    const plain = { "accept-encoding": "identity" };
    expect(headersFor({ have: 0, etag: '"x"' })).toEqual(plain);
    expect(headersFor({ have: 1, etag: '"x"' })).toEqual({ ...plain, range: "bytes=1-", "if-range": '"x"' });
    // A weak one says nothing of single bytes (RFC 9110, 13.1.5); others are none.
    for (const etag of [undefined, 'W/"x"', "x", '"x', '"a b"', '""', `"${"x".repeat(201)}"`])
      expect(headersFor({ have: 1, etag }), etag).toEqual({ ...plain, range: "bytes=1-" });
  });

  const answered = (range: string, more: Record<string, string> = {}, status = 206) => {
    const response = new Response("", { status, headers: { "content-range": range, ...more } });
    return beginningOf(response, { have: 3, etag: '"x"' }, 10, "file");
  };

  it("is taken where it begins behind what is there and ends in the file", () => {
    for (const range of ["bytes 3-9/10", "bytes 3-9/*", "bytes 3-3/10"])
      expect(answered(range), range).toEqual({ have: 3, etag: '"x"' });
    expect(answered("bytes 3-9/10", { etag: '"x"', "content-encoding": "identity" })).toEqual({ have: 3, etag: '"x"' });
  });

  it("is not taken from elsewhere, of another file, or packed", () => {
    for (const range of ["bytes 2-9/10", "bytes 4-9/10", "bytes 3-2/10", "bytes 3-10/10", "bytes 3-10/*", "3-9/10", ""])
      expect(answered(range), range).toBeUndefined();
    expect(answered("bytes 3-9/10", { etag: '"y"' })).toBeUndefined();
    expect(answered("bytes 3-9/10", { "content-encoding": "gzip" })).toBeUndefined();
    expect(answered("bytes 3-9/10", {}, 203)).toBeUndefined();
  });

  it("is refused for a size that the hub does not list", () => {
    expect(() => answered("bytes 3-9/11")).toThrow("file: the server sends more than the 10 bytes");
    expect(() => answered("bytes 3-8/9")).toThrow("file: the server has 9 of the 10 bytes");
  });
});
