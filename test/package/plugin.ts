/** The plugin of the component package, started and asked as Pulumi does it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import * as pulumi from "@pulumi/pulumi";
import engineServices from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import providerServices from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import provider from "@pulumi/pulumi/proto/provider_pb.js";
import resourceServices from "@pulumi/pulumi/proto/resource_grpc_pb.js";
import resource from "@pulumi/pulumi/proto/resource_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import struct from "google-protobuf/google/protobuf/struct_pb.js";
import { parse } from "yaml";
import { project } from "../../launcher/project.ts";
import { serve } from "../../provider/grpc.ts";

type Reply<T> = (error: Error | null, value: T) => void;
type Client = InstanceType<typeof providerServices.ResourceProviderClient>;

/** The Node language host's way to run the plugin of a folder. */
const runner = join(project, "node_modules/@pulumi/pulumi/cmd/run-plugin/index.js");

/** Starts the plugin of a folder, and asks it once. */
async function ask<T>(folder: string, engine: string, what: (client: Client, reply: Reply<T>) => void): Promise<T> {
  const plugin = spawn(process.execPath, [runner, folder, engine], { stdio: ["ignore", "pipe", "inherit"] });
  const [port] = await once(plugin.stdout, "data");
  const client = new providerServices.ResourceProviderClient(
    `127.0.0.1:${String(port).trim()}`,
    grpc.credentials.createInsecure(),
  );
  const answer = new Promise<T>((resolve, reject) =>
    what(client, (error, value) => (error ? reject(error) : resolve(value))),
  );
  return answer.finally(() => plugin.kill());
}

/** The schema of the package whose plugin is in a folder. */
export async function schemaOf(folder: string) {
  const response = await ask<provider.GetSchemaResponse>(folder, "127.0.0.1:1", (client, reply) =>
    client.getSchema(new provider.GetSchemaRequest(), reply),
  );
  return JSON.parse(response.getSchema());
}

/** An engine of which a plugin sees the mocks of this process. */
async function serveMocks(): Promise<{ readonly server: grpc.Server; readonly address: string }> {
  // biome-ignore lint/suspicious/noExplicitAny: the SDK says nothing of what its mocks are.
  const mocks = pulumi.runtime.getMonitor() as any;
  type Call = { readonly request: unknown };
  const monitor = {
    supportsFeature: serve(async (request: resource.SupportsFeatureRequest) => {
      const response = new resource.SupportsFeatureResponse();
      response.setHassupport(request.getId() !== "outputValues");
      return response;
    }),
    registerPackage: ({ request }: Call, reply: unknown) => mocks.registerPackage(request, reply),
    registerResource: ({ request }: Call, reply: unknown) => mocks.registerResource(request, reply),
    registerResourceOutputs: ({ request }: Call, reply: Reply<empty.Empty>) =>
      mocks.registerResourceOutputs(request, (error: Error | null) => reply(error, new empty.Empty())),
  };
  const server = new grpc.Server();
  server.addService(resourceServices.ResourceMonitorService, monitor as unknown as grpc.UntypedServiceImplementation);
  const log = serve(async () => new empty.Empty());
  server.addService(engineServices.EngineService, { log } as unknown as grpc.UntypedServiceImplementation);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    ),
  );
  return { server, address: `127.0.0.1:${port}` };
}

/**
 * Runs a program in YAML that has one resource, of a plugin that it names first: with the mocks of this process for an
 * engine. Gives what the plugin says of the resource.
 */
export async function runYaml(file: string): Promise<Record<string, unknown>> {
  const { plugins, resources } = parse(readFileSync(file, "utf8"));
  const [name = ""] = Object.keys(resources);
  const { type, properties } = resources[name];
  const { server, address } = await serveMocks();
  const request = new provider.ConstructRequest();
  request.setProject(pulumi.getProject());
  request.setStack(pulumi.getStack());
  request.setMonitorendpoint(address);
  request.setParallel(16);
  request.setType(type.replace(":", ":index:"));
  request.setName(name);
  request.setInputs(struct.Struct.fromJavaScript(properties));
  const folder = join(dirname(file), plugins.providers[0].path);
  const response = await ask<provider.ConstructResponse>(folder, address, (client, reply) =>
    client.construct(request, reply),
  ).finally(() => server.forceShutdown());
  return response.getState()?.toJavaScript() ?? {};
}
