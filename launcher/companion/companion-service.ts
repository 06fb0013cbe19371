import type { Socket } from "node:net";
import * as grpc from "@grpc/grpc-js";
import type { Ahead } from "../../provider/ahead.ts";
import { addProvider } from "../../provider/service.ts";
import { addProgram } from "./program.ts";

/** What pulumi attaches to: the provider and the program. Gives what takes each of its connections. */
export function serviceOf(ahead: Ahead): (connection: Socket) => void {
  const server = new grpc.Server({ "grpc.max_receive_message_length": -1 });
  addProvider(server, { read: (reader) => ahead.read(reader) });
  addProgram(server);
  const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  return (connection) => injector.injectConnection(connection);
}
