import { createHash } from "node:crypto";
import { createConnection, createServer, type Server } from "node:net";
import { until } from "./processes.ts";
import { UserError } from "./report.ts";

/** The name by which something is held. */
const socketName = (key: string): string => `\0duet-${createHash("sha256").update(key).digest("hex").slice(0, 32)}`;

/** What is said of a holder that does not say what it is. */
const silent = "somebody, who does not answer";

/**
 * Holds something for this process alone: a name of a socket, which the kernel takes back when its holder dies.
 *
 * @param what what is held, in the words of a message: "stack sandbox"
 * @param key what tells it from anything else on this machine
 * @param patience milliseconds to wait for another holder. Defaults to none.
 * @param who what holds it then, in the words of a message to others. Defaults to "pulumi".
 * @returns what gives it back
 * @throws UserError which names the other holder, and its pid
 */
export async function exclusive(what: string, key: string, patience = 0, who = "pulumi"): Promise<() => void> {
  let server: Server | undefined;
  const isHeld = await until(patience, async () => {
    server = await listen(socketName(key), who);
    return server !== undefined;
  });
  if (!isHeld) {
    const holder = (await holderOf(key)) ?? silent;
    throw new UserError(`cannot work on ${what}: ${holder}, is working on it; wait for it, or end it`);
  }
  return () => server?.close();
}

/** Tells whoever asks who holds it. */
function listen(name: string, who: string): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((client) => client.on("error", () => {}).end(`${who}, pid ${process.pid}`));
    server.unref();
    server.once("error", () => resolve(undefined));
    server.listen(name, () => resolve(server));
  });
}

/** Who holds what that key tells from anything else, as `WHO, pid PID`. Undefined if nobody does. */
export function holderOf(key: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let told = "";
    const client = createConnection(socketName(key)).setEncoding("utf8");
    const settle = () => {
      client.destroy();
      resolve(told || silent);
    };
    client.setTimeout(2000, settle).on("data", (data) => {
      told += data;
    });
    client.on("end", settle).on("error", (error: NodeJS.ErrnoException) => {
      // Nobody listens.
      if (error.code === "ECONNREFUSED") {
        resolve(undefined);
      } else {
        settle();
      }
    });
  });
}
