import { createHash } from "node:crypto";
import { createConnection, createServer, type Server } from "node:net";
import { until } from "./processes.ts";
import { UserError } from "./report.ts";

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
  const name = `\0duet-${createHash("sha256").update(key).digest("hex").slice(0, 32)}`;
  let server: Server | undefined;
  const isHeld = await until(patience, async () => {
    server = await listen(name, who);
    return server !== undefined;
  });
  if (!isHeld) {
    throw new UserError(`cannot work on ${what}: ${await holder(name)}, is working on it; wait for it, or end it`);
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

function holder(name: string): Promise<string> {
  return new Promise((resolve) => {
    let told = "";
    const client = createConnection(name).setEncoding("utf8");
    const settle = () => {
      client.destroy();
      resolve(told || "somebody, who does not answer");
    };
    client.setTimeout(2000, settle).on("data", (data) => {
      told += data;
    });
    client.on("end", settle).on("error", settle);
  });
}
