import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** How a server misbehaves; each may be changed between requests. */
export interface Behaviour {
  /** Breaks the connection after so many bytes of a file, so many times. */
  dropAfter?: number;
  drops?: number;
  /** Answers ranges with the whole file. */
  noRange?: boolean;
  /** Answers ranges with 416. */
  refuseRange?: boolean;
  /** Answers every request with this status. */
  status?: number;
  /** So many times only; then all is well. */
  statusTimes?: number;
  /** Sends files with their last byte changed. */
  corrupt?: boolean;
  /** Sends one byte more than listed. */
  tooLong?: boolean;
  /** Files are redirected to this host. */
  redirect?: string;
  /** Entries a page of the list of files. */
  pageSize?: number;
  /** Is sent in place of the list of files. */
  list?: unknown;
  /** All is below this path. */
  below?: string;
  /** Answers with these bytes, as they are, whatever is asked for. */
  raw?: (request: IncomingMessage) => string | undefined;
  /** Says nothing after so many bytes of a file; 0: not even a header. */
  silentAfter?: number;
  /** The files' ETag. */
  etag?: () => string;
  /** Is sent as Content-Range of a part. */
  contentRange?: string;
}

/** A hub of one repository, `some/model`, on this machine. */
export interface FakeHub {
  readonly host: string;
  readonly behaviour: Behaviour;
  /** "METHOD path range authorization" of all requests. */
  readonly requests: { readonly path: string; readonly range?: string; readonly authorization?: string }[];
  close(): Promise<void>;
}

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** @param lfs names of files that are listed as large ones, with their SHA-256 */
export async function fakeHub(files: Readonly<Record<string, Buffer>>, lfs: readonly string[] = []): Promise<FakeHub> {
  const behaviour: Behaviour = {};
  const requests: FakeHub["requests"] = [];
  const server: Server = createServer((request, response) => {
    const { range, authorization } = request.headers;
    requests.push({ path: request.url as string, range, authorization });
    answer(files, lfs, behaviour, request, response);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    host: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    behaviour,
    requests,
    close() {
      server.closeAllConnections();
      return new Promise((done) => server.close(() => done()));
    },
  };
}

function answer(
  files: Readonly<Record<string, Buffer>>,
  lfs: readonly string[],
  behaviour: Behaviour,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  response.setHeader("connection", "close");
  const raw = behaviour.raw?.(request);
  if (raw !== undefined) {
    request.socket.end(raw);
    return;
  }
  const below = behaviour.below ?? "";
  const url = new URL((request.url as string).replace(below, ""), "http://hub");
  if (behaviour.status && (behaviour.statusTimes === undefined || behaviour.statusTimes-- > 0)) {
    response.writeHead(behaviour.status).end();
  } else if (url.pathname === "/api/models/some/model/revision/main") {
    response.end(JSON.stringify({ sha: COMMIT, other: "ignored" }));
  } else if (url.pathname === `/api/models/some/model/tree/${COMMIT}`) {
    if (behaviour.list !== undefined) {
      response.end(JSON.stringify(behaviour.list));
      return;
    }
    const entries = Object.entries(files).map(([path, bytes]) => entryOf(path, bytes, lfs.includes(path)));
    const all = [{ type: "directory", path: "onnx", size: 0, oid: COMMIT }, ...entries];
    const size = behaviour.pageSize ?? all.length;
    const page = Number(url.searchParams.get("page") ?? 0);
    if ((page + 1) * size < all.length)
      response.setHeader("link", `<http://elsewhere.example${below}${url.pathname}?page=${page + 1}>; rel="next"`);
    response.end(JSON.stringify(all.slice(page * size, (page + 1) * size)));
  } else {
    const name = decodeURIComponent(url.pathname.replace(`/some/model/resolve/${COMMIT}/`, ""));
    if (!(name in files)) response.writeHead(404).end();
    else if (behaviour.redirect) response.writeHead(302, { location: `${behaviour.redirect}${url.pathname}` }).end();
    else sendFile(files[name], behaviour, request, response);
  }
}

function sendFile(file: Buffer, behaviour: Behaviour, request: IncomingMessage, response: ServerResponse): void {
  let bytes = Buffer.from(file);
  if (behaviour.corrupt) bytes[bytes.length - 1] ^= 1;
  if (behaviour.tooLong) bytes = Buffer.concat([bytes, Buffer.from("x")]);
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  if (start > 0 && behaviour.refuseRange) {
    response.writeHead(416).end();
    return;
  }
  const etag = behaviour.etag?.();
  if (etag !== undefined) response.setHeader("etag", etag);
  const isOther = request.headers["if-range"] !== undefined && request.headers["if-range"] !== etag;
  const from = behaviour.noRange || isOther ? 0 : start;
  const part = bytes.subarray(from);
  const headers = { "content-length": part.length };
  const range = behaviour.contentRange ?? `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
  if (behaviour.silentAfter === 0) return;
  if (from > 0) response.writeHead(206, { ...headers, "content-range": range });
  else response.writeHead(200, headers);
  if (behaviour.silentAfter !== undefined) response.write(part.subarray(0, behaviour.silentAfter));
  else if (behaviour.dropAfter !== undefined && part.length > behaviour.dropAfter && (behaviour.drops ?? 0) > 0) {
    behaviour.drops = (behaviour.drops ?? 0) - 1;
    response.write(part.subarray(0, behaviour.dropAfter), () => setTimeout(() => response.destroy(), 20));
  } else response.end(part);
}

function entryOf(path: string, bytes: Buffer, large: boolean) {
  const oid = createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return {
    type: "file",
    path,
    oid: large ? COMMIT : oid,
    size: bytes.length,
    ...(large ? { lfs: { oid: sha256, size: bytes.length, pointerSize: 134 } } : {}),
  };
}
