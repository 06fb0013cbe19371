/** The provider as a process of its own, which Pulumi starts: it prints the port on which it listens. */
import * as grpc from "@grpc/grpc-js";
import { addProvider } from "./service.ts";

/** Without an engine it is a developer who has started it, and an engine that attaches to it. */
const [engine] = process.argv.slice(2).filter((argument) => !argument.startsWith("-"));

const server = new grpc.Server();
addProvider(server, engine === undefined ? {} : { engine });
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) {
    throw error;
  }
  process.stdout.write(`${port}\n`);
});

// Whoever has started this holds the other end of it, and an engine that was killed says no good-bye.
process.stdin.on("end", () => process.exit()).resume();
