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
 * @param who what the other holder is, in the words of a message. Defaults to "pulumi".
 * @returns what gives it back
 * @throws UserError which names the pid of the other holder
 */
export async function exclusive(what: string, key: string, patience = 0, who = "pulumi"): Promise<() => void> {
  const name = `\0duet-${createHash("sha256").update(key).digest("hex").slice(0, 32)}`;
  let server: Server | undefined;
  const isHeld = await until(patience, async () => {
    server = await listen(name);
    return server !== undefined;
  });
  if (!isHeld) {
    throw new UserError(
      `cannot work on ${what}: ${who}, pid ${await holder(name)}, is working on it; wait for it, or end it`,
    );
  }
  return () => server?.close();
}

/** Tells whoever asks the pid. */
function listen(name: string): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((client) => client.on("error", () => {}).end(String(process.pid)));
    server.unref();
    server.once("error", () => resolve(undefined));
    server.listen(name, () => resolve(server));
  });
}

function holder(name: string): Promise<string> {
  return new Promise((resolve) => {
    let pid = "";
    const client = createConnection(name).setEncoding("utf8");
    const settle = () => {
      client.destroy();
      resolve(pid || "unknown");
    };
    client.setTimeout(2000, settle).on("data", (data) => {
      pid += data;
    });
    client.on("end", settle).on("error", settle);
  });
}
