/**
 * The companion of one run of pulumi. It prints the port on which it listens, and takes lines of JSON with what is to be
 * asked of machines; it ends with its standard input, and so with its launcher, however that ends.
 *
 * What takes long to load comes last: by then pulumi knows the port, and the machines are being asked.
 */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { Ahead } from "../../provider/ahead.ts";
import "./exports.ts";
import "./lean-sdk.ts";

const early: Socket[] = [];
const listener = createServer((socket) => early.push(socket)).listen(0, "127.0.0.1");
await once(listener, "listening");
process.stdout.write(`${(listener.address() as { port: number }).port}\n`);

const ahead = new Ahead();
const input = createInterface({ input: process.stdin });
input.on("line", (line) => ahead.begin(JSON.parse(line)));
input.on("close", () => process.exit());
await once(input, "line");

const { serviceOf } = await import("./companion-service.ts");
const take = serviceOf(ahead);
listener.removeAllListeners("connection").on("connection", take);
early.forEach(take);
