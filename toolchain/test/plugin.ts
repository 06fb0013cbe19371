import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import * as grpc from "@grpc/grpc-js";
import engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import type { LogRequest } from "@pulumi/pulumi/proto/engine_pb.js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import provider from "@pulumi/pulumi/proto/provider_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import struct from "google-protobuf/google/protobuf/struct_pb.js";

/** Property values as they travel between engine and plugin: JSON, with marks for what JSON cannot say. */
export type Value = string | number | boolean | null | Value[] | { [key: string]: Value };
/** The properties of a resource. */
export type Properties = { [key: string]: Value };

const signature = "4dabf18193072939515e22adb298388d";
/** What stands for a value that a preview does not know. */
export const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
/** A secret value. */
export const secret = (value: Value): Properties => ({ [signature]: "1b47061264138c4ac30d75fd1eb44270", value });
/** A file as an asset. */
export const fileAsset = (path: string): Properties => ({ [signature]: "c44067f5952c0a294b673a41bacd8c17", path });
/** A text as an asset. */
export const textAsset = (text: string): Properties => ({ [signature]: "c44067f5952c0a294b673a41bacd8c17", text });
/** A file or a folder as an archive. */
export const archive = (path: string): Properties => ({ [signature]: "0def7320c3a5731c473e5ecbe6d01bc7", path });
/** Whether a value is marked secret. */
export const isSecret = (value: Value | undefined): boolean =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  value[signature] === "1b47061264138c4ac30d75fd1eb44270";
/** A value without its mark. */
export const reveal = (value: Value | undefined): Value | undefined =>
  isSecret(value) ? (value as Properties).value : value;

/** A line that the plugin has sent to the engine. */
export interface LogLine {
  readonly urn: string;
  readonly message: string;
  readonly severity: "debug" | "info" | "warning" | "error";
  /** Whether it is shown while the resource is worked on only. */
  readonly ephemeral: boolean;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What a plugin says of new inputs. */
export interface Checked {
  readonly inputs: Properties;
  readonly failures: readonly { readonly property: string; readonly reason: string }[];
}

/** What a plugin says of a change. */
export interface Difference {
  readonly changes: boolean;
  readonly replaces: readonly string[];
  readonly deleteBeforeReplace: boolean;
}

/** The name of a resource in requests. */
export const urn = (type: string, name: string): string => `urn:pulumi:dev::conformance::${type}::${name}`;

/** A running plugin, talked to as the engine does, with an engine that keeps what it is told. */
export interface Plugin {
  readonly logs: LogLine[];
  schema(): Promise<Record<string, unknown>>;
  version(): Promise<string>;
  check(urn: string, inputs: Properties): Promise<Checked>;
  diff(urn: string, olds: Properties, news: Properties): Promise<Difference>;
  create(urn: string, inputs: Properties, preview?: boolean): Promise<{ id: string; state: Properties }>;
  update(urn: string, olds: Properties, news: Properties, preview?: boolean): Promise<Properties>;
  delete(urn: string, state: Properties): Promise<void>;
  read(urn: string, id: string, state: Properties, inputs: Properties): Promise<Properties>;
  invoke(token: string, args: Properties): Promise<{ result: Properties; failures: Checked["failures"] }>;
  cancel(): Promise<void>;
  stop(): Promise<void>;
}

const toStruct = (properties: Properties) =>
  struct.Struct.fromJavaScript(properties as unknown as Record<string, struct.JavaScriptValue>);
const fromStruct = (properties: { toJavaScript(): object } | undefined) =>
  (properties?.toJavaScript() ?? {}) as Properties;

/** Starts a plugin's executable with `env` as all of its environment. */
export async function startPlugin(executable: string, env: NodeJS.ProcessEnv, cwd: string): Promise<Plugin> {
  const logs: LogLine[] = [];
  const severities = ["debug", "info", "warning", "error"] as const;
  const engine = new grpc.Server();
  engine.addService(
    engineGrpc.EngineService as unknown as grpc.ServiceDefinition,
    {
      log: (call: { request: LogRequest }, callback: (error: null, reply: object) => void) => {
        logs.push({
          urn: call.request.getUrn(),
          message: call.request.getMessage(),
          severity: severities[call.request.getSeverity()] ?? "error",
          ephemeral: call.request.getEphemeral(),
          at: Date.now(),
        });
        callback(null, new empty.Empty());
      },
    } as unknown as grpc.UntypedServiceImplementation,
  );
  const enginePort = await new Promise<number>((resolve, reject) =>
    engine.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    ),
  );
  const child = spawn(executable, [`127.0.0.1:${enginePort}`], { env, cwd, stdio: ["ignore", "pipe", "inherit"] });
  const closed = once(child, "close");
  const [port] = (await Promise.race([
    once(createInterface(child.stdout), "line"),
    closed.then(([code]) => Promise.reject(new Error(`${executable} ended with ${code} before it told its port`))),
  ])) as [string];

  const Client = providerGrpc.ResourceProviderClient as unknown as grpc.ServiceClientConstructor;
  const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
  });
  const call = <T>(method: string, request: object): Promise<T> =>
    new Promise((resolve, reject) => {
      type Reply = (error: grpc.ServiceError | null, reply: T) => void;
      const procedures = client as unknown as Record<string, (request: object, reply: Reply) => void>;
      procedures[method]?.(request, (error, reply) => (error ? reject(new Error(error.details)) : resolve(reply)));
    });

  const configuration = new provider.ConfigureRequest();
  configuration.setAcceptsecrets(true);
  configuration.setAcceptresources(true);
  configuration.setArgs(toStruct({}));
  await call("configure", configuration);

  return {
    logs,
    async schema() {
      const reply = await call<InstanceType<typeof provider.GetSchemaResponse>>(
        "getSchema",
        new provider.GetSchemaRequest(),
      );
      return JSON.parse(reply.getSchema());
    },
    async version() {
      return (await call<{ getVersion(): string }>("getPluginInfo", new empty.Empty())).getVersion();
    },
    async check(name, inputs) {
      const request = new provider.CheckRequest();
      request.setUrn(name);
      request.setOlds(toStruct({}));
      request.setNews(toStruct(inputs));
      const reply = await call<InstanceType<typeof provider.CheckResponse>>("check", request);
      return {
        inputs: fromStruct(reply.getInputs()),
        failures: reply.getFailuresList().map((f) => ({ property: f.getProperty(), reason: f.getReason() })),
      };
    },
    async diff(name, olds, news) {
      const request = new provider.DiffRequest();
      request.setId("id");
      request.setUrn(name);
      request.setOlds(toStruct(olds));
      request.setNews(toStruct(news));
      const reply = await call<InstanceType<typeof provider.DiffResponse>>("diff", request);
      const kinds = provider.PropertyDiff.Kind;
      const replacing: number[] = [kinds.ADD_REPLACE, kinds.DELETE_REPLACE, kinds.UPDATE_REPLACE];
      const detailed: string[] = [];
      reply.getDetaileddiffMap().forEach((difference, path) => {
        if (replacing.includes(difference.getKind())) detailed.push(path);
      });
      return {
        changes: reply.getChanges() === provider.DiffResponse.DiffChanges.DIFF_SOME,
        replaces: [...new Set([...reply.getReplacesList(), ...detailed])],
        deleteBeforeReplace: reply.getDeletebeforereplace(),
      };
    },
    async create(name, inputs, preview = false) {
      const request = new provider.CreateRequest();
      request.setUrn(name);
      request.setProperties(toStruct(inputs));
      request.setPreview(preview);
      const reply = await call<InstanceType<typeof provider.CreateResponse>>("create", request);
      return { id: reply.getId(), state: fromStruct(reply.getProperties()) };
    },
    async update(name, olds, news, preview = false) {
      const request = new provider.UpdateRequest();
      request.setId("id");
      request.setUrn(name);
      request.setOlds(toStruct(olds));
      request.setNews(toStruct(news));
      request.setPreview(preview);
      const reply = await call<InstanceType<typeof provider.UpdateResponse>>("update", request);
      return fromStruct(reply.getProperties());
    },
    async delete(name, state) {
      const request = new provider.DeleteRequest();
      request.setId("id");
      request.setUrn(name);
      request.setProperties(toStruct(state));
      await call("delete", request);
    },
    async read(name, id, state, inputs) {
      const request = new provider.ReadRequest();
      request.setId(id);
      request.setUrn(name);
      request.setProperties(toStruct(state));
      request.setInputs(toStruct(inputs));
      const reply = await call<InstanceType<typeof provider.ReadResponse>>("read", request);
      return fromStruct(reply.getProperties());
    },
    async invoke(token, args) {
      const request = new provider.InvokeRequest();
      request.setTok(token);
      request.setArgs(toStruct(args));
      const reply = await call<InstanceType<typeof provider.InvokeResponse>>("invoke", request);
      return {
        result: fromStruct(reply.getReturn()),
        failures: reply.getFailuresList().map((f) => ({ property: f.getProperty(), reason: f.getReason() })),
      };
    },
    async cancel() {
      await call("cancel", new empty.Empty());
    },
    async stop() {
      client.close();
      child.kill("SIGKILL");
      await closed;
      engine.forceShutdown();
    },
  };
}
