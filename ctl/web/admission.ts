import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** What becomes of a request. */
export type Verdict =
  | { readonly kind: "let in"; readonly path: string }
  /** To the page, with what lets it in from then on. */
  | { readonly kind: "sent on"; readonly cookie: string }
  | { readonly kind: "refused"; readonly status: 403 | 405; readonly why: string };

/** Bytes of what nobody guesses. */
const random = (): string => randomBytes(24).toString("base64url");

const again = "end it with Ctrl-C and run duetctl status --web again for a new address";

/**
 * Who may see the page. Everybody of the host reaches its port, and so does every page in a browser that can have a name
 * of its own lead to loopback; so the first to come with the token is let in, and from then on only that browser.
 */
export class Admission {
  readonly #token = random();
  readonly #session = random();
  readonly #port: number;
  #isUsed = false;

  constructor(port: number) {
    this.#port = port;
  }

  /** The address that is good once. */
  get address(): string {
    return `http://127.0.0.1:${this.#port}/?token=${this.#token}`;
  }

  /** A browser has one jar of cookies for all ports of a host. */
  get #cookie(): string {
    return `duet-${this.#port}`;
  }

  /** A browser that a link on another page has led here keeps a strict cookie to itself, until somebody types. */
  get #onlyOne(): string {
    const typed = `if that is this one, and a link has led here, type http://127.0.0.1:${this.#port}/ yourself`;
    return `This page is for the browser that has opened the address which was printed: ${typed}; if not, ${again}.`;
  }

  judge({ method, headers, url = "/" }: Pick<IncomingMessage, "method" | "headers" | "url">): Verdict {
    // Under another name somebody else's page would be taken for this one.
    if (![`127.0.0.1:${this.#port}`, `localhost:${this.#port}`].includes(headers.host ?? "")) {
      return refused(403, `This page is at http://127.0.0.1:${this.#port} only.`);
    }
    if (method !== "GET") {
      return refused(405, "This page is only looked at: it takes GET and nothing else.");
    }
    const [path = "/", query = ""] = url.split("?", 2);
    const token = path === "/" ? new URLSearchParams(query).get("token") : null;
    if (token !== null) {
      return this.#admit(token);
    }
    const own = (headers.cookie ?? "").split(";").map((part) => part.trim().split("=", 2));
    return own.some(([name, value = ""]) => name === this.#cookie && isSame(value, this.#session))
      ? { kind: "let in", path }
      : refused(403, this.#onlyOne);
  }

  #admit(token: string): Verdict {
    if (!isSame(token, this.#token)) {
      return refused(403, "This is not the address that was printed: copy all of it.");
    }
    if (this.#isUsed) {
      return refused(403, `This address was good once, and has been used; ${again}.`);
    }
    this.#isUsed = true;
    return { kind: "sent on", cookie: `${this.#cookie}=${this.#session}; HttpOnly; SameSite=Strict; Path=/` };
  }
}

const refused = (status: 403 | 405, why: string): Verdict => ({ kind: "refused", status, why });

/** Compares in a time that tells nothing of either. */
function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => createHash("sha256").update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}
