import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
};

/** A folder that is served. */
export interface Served {
  /** Of its index.html, with a slash at its end. */
  readonly address: string;
  close(): void;
}

/** Serves a folder to this machine alone, as a static host would, without compression, at a port that is free. */
export async function serveFolder(folder: string): Promise<Served> {
  const server = createServer(async ({ url = "/" }, response) => {
    try {
      // Paths are made whole before they are joined: none leads out of the folder.
      const path = normalize(decodeURIComponent(new URL(url, "http://localhost").pathname));
      const bytes = await readFile(join(folder, path.endsWith("/") ? `${path}index.html` : path));
      const type = TYPES[extname(path) || ".html"] ?? "application/octet-stream";
      response.writeHead(200, { "content-type": type, "content-length": bytes.length }).end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}/`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
