/**
 * The Pulumi provider of the package "duet": one resource, duet:machine:Facts, whose diff reads machines.
 *
 * It is a provider and not a dynamic resource because a provider may say at preview what its outputs will be, so that
 * a preview names just the steps that have drifted, and because it starts once and serialises no code.
 */
import * as grpc from "@grpc/grpc-js";
import engineServices from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import engine from "@pulumi/pulumi/proto/engine_pb.js";
import plugin from "@pulumi/pulumi/proto/plugin_pb.js";
import providerServices from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import provider from "@pulumi/pulumi/proto/provider_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import struct from "google-protobuf/google/protobuf/struct_pb.js";
import { Ahead, beginFrom } from "./ahead.ts";
import { created, diff, type FactsInputs, type FactsState, updated } from "./facts.ts";

const version = "0.1.0";
/** The engine's mark for a value that a preview cannot know. Source: Pulumi's resource provider protocol. */
const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

type Reply<T> = (error: Partial<grpc.ServiceError> | null, value?: T) => void;

/** Serves a call with a promise; what it throws is one line for the user. */
function serve<Request, Response>(handle: (request: Request) => Promise<Response>) {
  return (call: { request: Request }, reply: Reply<Response>): void => {
    handle(call.request).then(
      (value) => reply(null, value),
      (error: Error) => reply({ code: grpc.status.UNKNOWN, details: error.message }),
    );
  };
}

function toObject(value: struct.Struct | undefined): Record<string, unknown> {
  return (value?.toJavaScript() ?? {}) as Record<string, unknown>;
}

function toInputs(value: struct.Struct | undefined): FactsInputs {
  const inputs = toObject(value);
  const known = !JSON.stringify(inputs.reader ?? unknownValue).includes(unknownValue);
  return { ...(known ? { reader: inputs.reader } : {}), steps: inputs.steps } as FactsInputs;
}

function toStruct(state: FactsState): struct.Struct {
  return struct.Struct.fromJavaScript({ ...state } as unknown as Record<string, struct.JavaScriptValue>);
}

/** The state, with unknown generations where a preview cannot know the machine yet. */
function toOutputs(state: FactsState): struct.Struct {
  const outputs = toStruct(state);
  if (state.reader === undefined) {
    outputs.getFieldsMap().set("generations", struct.Value.fromJavaScript(unknownValue));
  }
  return outputs;
}

/** The engine, where it starts this process; it introduces itself where it attaches to one that runs. */
const [engineAddress] = process.argv.slice(2).filter((argument) => !argument.startsWith("-"));
let log = engineAddress === undefined ? undefined : engineAt(engineAddress);

function engineAt(address: string) {
  return new engineServices.EngineClient(address, grpc.credentials.createInsecure());
}

const ahead = new Ahead();

function say(urn: string, message: string): Promise<void> {
  const request = new engine.LogRequest();
  request.setSeverity(engine.LogSeverity.INFO);
  request.setUrn(urn);
  request.setMessage(message);
  return new Promise((resolve) => (log === undefined ? resolve() : log.log(request, () => resolve())));
}

const nothing = serve(async () => new empty.Empty());

const service = {
  checkConfig: serve(async (request: provider.CheckRequest) => {
    const response = new provider.CheckResponse();
    response.setInputs(request.getNews());
    return response;
  }),
  diffConfig: serve(async () => new provider.DiffResponse()),
  configure: serve(async () => {
    const response = new provider.ConfigureResponse();
    response.setSupportspreview(true);
    return response;
  }),
  getPluginInfo: serve(async () => {
    const info = new plugin.PluginInfo();
    info.setVersion(version);
    return info;
  }),
  getSchema: serve(async () => {
    const response = new provider.GetSchemaResponse();
    response.setSchema(JSON.stringify({ name: "duet", version, resources: { "duet:machine:Facts": {} } }));
    return response;
  }),
  check: serve(async (request: provider.CheckRequest) => {
    const response = new provider.CheckResponse();
    response.setInputs(request.getNews());
    return response;
  }),
  diff: serve(async (request: provider.DiffRequest) => {
    const old = toObject(request.getOlds()) as unknown as FactsState;
    const finding = await diff(old, toInputs(request.getNews()), (question) => ahead.read(question));
    for (const message of finding.messages) {
      await say(request.getUrn(), message);
    }
    const response = new provider.DiffResponse();
    const { DIFF_SOME, DIFF_NONE } = provider.DiffResponse.DiffChanges;
    response.setChanges(finding.changed.length > 0 ? DIFF_SOME : DIFF_NONE);
    response.setDiffsList([...finding.changed]);
    return response;
  }),
  create: serve(async (request: provider.CreateRequest) => {
    const response = new provider.CreateResponse();
    response.setId(request.getPreview() ? "" : (request.getUrn().split("::").at(-1) ?? ""));
    response.setProperties(toOutputs(created(toInputs(request.getProperties()))));
    return response;
  }),
  read: serve(async (request: provider.ReadRequest) => {
    const response = new provider.ReadResponse();
    response.setId(request.getId());
    response.setProperties(request.getProperties());
    response.setInputs(request.getInputs());
    return response;
  }),
  update: serve(async (request: provider.UpdateRequest) => {
    const old = toObject(request.getOlds()) as unknown as FactsState;
    const response = new provider.UpdateResponse();
    response.setProperties(toOutputs(await updated(old, toInputs(request.getNews()), request.getPreview())));
    return response;
  }),
  delete: nothing,
  cancel: nothing,
  attach: serve(async (request: plugin.PluginAttach) => {
    log = engineAt(request.getAddress());
    return new empty.Empty();
  }),
};

const server = new grpc.Server();
server.addService(providerServices.ResourceProviderService, service as unknown as grpc.UntypedServiceImplementation);
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) {
    throw error;
  }
  // The engine reads the port from the first line.
  process.stdout.write(`${port}\n`);
});

// Whoever has started this holds the other end of it, and an engine that was killed says no good-bye.
process.stdin.on("end", () => process.exit()).resume();
beginFrom(process.stdin, ahead);
