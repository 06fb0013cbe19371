import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { CtlError, exitCodes } from "../exit.ts";
import { darkStyle } from "../picture/colors.ts";
import { Admission } from "./admission.ts";
import type { Rounds } from "./rounds.ts";

/** What the page shows, and what its button does. */
export interface PageArgs {
  readonly rounds: Rounds;
  readonly onAsk: () => void;
  /** The port of loopback. 0 is one that is free. */
  readonly port: number;
}

/** A page that is served. */
export interface ServedPage {
  readonly port: number;
  /** The address that is good once. */
  readonly address: string;
  /** Ends it, for those who watch, too. */
  end(): void;
}

/** The page has nothing from elsewhere, and is in no other page; nothing of it is kept. Source: CSP Level 3. */
const headers = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "Cache-Control": "no-store",
};

const text = "text/plain; charset=utf-8";

const beside = (file: string): string => readFileSync(new URL(file, import.meta.url), "utf8");

/** Serves the page on loopback until it is ended. @throws CtlError if the port is taken */
export async function servePage({ rounds, onAsk, port: asked }: PageArgs): Promise<ServedPage> {
  const files: Readonly<Record<string, readonly [type: string, content: string]>> = {
    "/": ["text/html; charset=utf-8", beside("page.html")],
    "/page.js": ["text/javascript; charset=utf-8", beside("page.js")],
    // No style may stand in the page itself, and the drawing is a part of that.
    "/page.css": ["text/css; charset=utf-8", beside("page.css") + darkStyle],
  };
  const server = createServer();
  server.listen(asked, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    throw new CtlError(
      exitCodes.failed,
      `cannot serve the page: ${(error as Error).message}; choose another port with --port, or none`,
    );
  }
  const { port } = server.address() as AddressInfo;
  const admission = new Admission(port);
  server.on("request", (request, response) => {
    const verdict = admission.judge(request);
    if (verdict.kind === "refused") {
      const allow = verdict.status === 405 ? { Allow: "GET" } : {};
      response.writeHead(verdict.status, { ...headers, ...allow, "Content-Type": text }).end(`${verdict.why}\n`);
    } else if (verdict.kind === "sent on") {
      response.writeHead(303, { ...headers, Location: "/", "Set-Cookie": verdict.cookie }).end();
    } else if (verdict.path === "/events") {
      stream(rounds, response);
    } else if (verdict.path === "/ask") {
      onAsk();
      response.writeHead(204, headers).end();
    } else {
      const [type, content] = files[verdict.path] ?? [text, "There is no such page.\n"];
      response.writeHead(verdict.path in files ? 200 : 404, { ...headers, "Content-Type": type }).end(content);
    }
  });
  return {
    port,
    address: admission.address,
    end: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Tells a page what is seen for as long as it is open. Source: HTML, server-sent events. */
function stream(rounds: Rounds, response: ServerResponse): void {
  response.writeHead(200, { ...headers, "Content-Type": "text/event-stream" });
  response.flushHeaders();
  const leave = rounds.watch((seen) => {
    // Who does not read gets the next one.
    if (!response.writableNeedDrain) {
      response.write(`data: ${seen}\n\n`);
    }
  });
  response.on("close", leave);
}
