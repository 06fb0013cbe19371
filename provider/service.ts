import * as grpc from "@grpc/grpc-js";
import engineServices from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import engine from "@pulumi/pulumi/proto/engine_pb.js";
import plugin from "@pulumi/pulumi/proto/plugin_pb.js";
import providerServices from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import provider from "@pulumi/pulumi/proto/provider_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import struct from "google-protobuf/google/protobuf/struct_pb.js";
import type { FactsReader } from "../components/machine/facts.ts";
import type { Reading } from "./drift.ts";
import { created, diff, type FactsInputs, type FactsState, updated } from "./facts.ts";
import { serve } from "./grpc.ts";

/** That of the package. */
export const version = "0.1.0";
/** The engine's mark for a value that a preview cannot know. Source: Pulumi's resource provider protocol. */
const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

function toObject(value: struct.Struct | undefined): Record<string, unknown> {
  return (value?.toJavaScript() ?? {}) as Record<string, unknown>;
}

function toInputs(value: struct.Struct | undefined): FactsInputs {
  const inputs = toObject(value);
  const known = !JSON.stringify(inputs.reader ?? unknownValue).includes(unknownValue);
  return (known ? { reader: inputs.reader } : {}) as FactsInputs;
}

function toStruct(state: FactsState): struct.Struct {
  return struct.Struct.fromJavaScript({ ...state } as unknown as Record<string, struct.JavaScriptValue>);
}

/** The state, with unknown generations if a preview cannot know the machine yet. */
function toOutputs(state: FactsState): struct.Struct {
  const outputs = toStruct(state);
  if (state.reader === undefined) {
    for (const name of ["generations", "epoch"]) {
      outputs.getFieldsMap().set(name, struct.Value.fromJavaScript(unknownValue));
    }
  }
  return outputs;
}

export interface ProviderOptions {
  /** Address of the engine. Defaults to what the engine says of itself when it attaches. */
  readonly engine?: string;
  /** How a machine is asked. Defaults to asking it when the engine wants to know. */
  readonly read?: (reader: FactsReader) => Promise<Reading>;
}

/**
 * Adds the Pulumi provider of the package "duet": one resource, duet:machine:Facts, whose diff reads machines.
 *
 * It is a provider and not a dynamic resource because a provider may say at preview what its outputs will be, so that
 * a preview names just the steps that have drifted, and because it starts once and serialises no code.
 */
export function addProvider(server: grpc.Server, options: ProviderOptions = {}): void {
  let log = options.engine === undefined ? undefined : engineAt(options.engine);
  const say = (urn: string, message: string): Promise<void> => {
    const request = new engine.LogRequest();
    request.setSeverity(engine.LogSeverity.INFO);
    request.setUrn(urn);
    request.setMessage(message);
    return new Promise((resolve) => (log === undefined ? resolve() : log.log(request, () => resolve())));
  };
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
      const finding = await diff(old, toInputs(request.getNews()), options.read);
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

  server.addService(providerServices.ResourceProviderService, service as unknown as grpc.UntypedServiceImplementation);
}

function engineAt(address: string) {
  return new engineServices.EngineClient(address, grpc.credentials.createInsecure());
}
