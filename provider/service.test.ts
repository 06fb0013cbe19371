import * as grpc from "@grpc/grpc-js";
import engineServices from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import type engine from "@pulumi/pulumi/proto/engine_pb.js";
import providerServices from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import provider from "@pulumi/pulumi/proto/provider_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import struct from "google-protobuf/google/protobuf/struct_pb.js";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { Reading } from "./drift.ts";
import { serve } from "./grpc.ts";
import { addProvider } from "./service.ts";

const urn = "urn:pulumi:dev::duet::duet:machine:Facts::host";
const reader = { command: ["false"], records: "/steps", timeout: 1 };
const state = { reader, generations: { one: 2 }, epoch: 3 };
const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const toStruct = (value: Record<string, struct.JavaScriptValue>) => struct.Struct.fromJavaScript(value);

/** What the engine was told, and the provider as the engine calls it. */
let said: string[];
let client: InstanceType<typeof providerServices.ResourceProviderClient>;
let reading: () => Promise<Reading>;

function listen(add: (server: grpc.Server) => void): Promise<string> {
  const server = new grpc.Server();
  add(server);
  onTestFinished(() => server.forceShutdown());
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(`127.0.0.1:${port}`) : reject(error),
    );
  });
}

beforeEach(async () => {
  said = [];
  const log = serve(async (request: engine.LogRequest) => {
    said.push(`${request.getUrn()} ${request.getMessage()}`);
    return new empty.Empty();
  });
  const address = await listen((server) => {
    // The rest of the engine is of no use to a provider.
    server.addService(engineServices.EngineService, { log } as unknown as grpc.UntypedServiceImplementation);
  });
  const port = await listen((server) => addProvider(server, { engine: address, read: () => reading() }));
  client = new providerServices.ResourceProviderClient(port, grpc.credentials.createInsecure());
  onTestFinished(() => client.close());
});

async function diff(inputs: Record<string, struct.JavaScriptValue> = { reader }): Promise<readonly string[]> {
  const request = new provider.DiffRequest();
  request.setUrn(urn);
  request.setOlds(toStruct(state));
  request.setNews(toStruct(inputs));
  const response = await new Promise<provider.DiffResponse>((resolve, reject) =>
    client.diff(request, (error: Error | null, value: provider.DiffResponse) =>
      error ? reject(error) : resolve(value),
    ),
  );
  const { DIFF_SOME } = provider.DiffResponse.DiffChanges;
  expect(response.getChanges() === DIFF_SOME).toBe(response.getDiffsList().length > 0);
  return response.getDiffsList();
}

describe("the provider's diff", () => {
  it("names the step that has drifted, and says to its resource why", async () => {
    reading = async () => ({
      hasSteps: true,
      notes: [],
      drift: { one: { title: "do it", differences: ["a: expected 1, found 2"] } },
    });
    expect(await diff()).toEqual(["generations.one"]);
    expect(said).toEqual([`${urn} one (do it) has drifted: a: expected 1, found 2`]);
  });

  it("says nothing of a machine that is as it was", async () => {
    reading = async () => ({ hasSteps: true, drift: {}, notes: [] });
    expect(await diff()).toEqual([]);
    expect(said).toEqual([]);
  });

  it("asks no machine that a preview does not know yet", async () => {
    reading = () => Promise.reject(new Error("was asked"));
    expect(await diff({ reader: { ...reader, command: ["ssh", unknown] } })).toEqual(["reader"]);
    expect(await diff({ reader: unknown })).toEqual(["reader"]);
  });

  it("fails with one line for the user if a reading is impossible", async () => {
    reading = () => Promise.reject(new Error("cannot read it"));
    await expect(diff()).rejects.toThrow(/cannot read it$/);
  });
});

describe("what the provider makes", () => {
  async function created(inputs: Record<string, struct.JavaScriptValue>, preview: boolean) {
    const request = new provider.CreateRequest();
    request.setUrn(urn);
    request.setProperties(toStruct(inputs));
    request.setPreview(preview);
    const response = await new Promise<provider.CreateResponse>((resolve, reject) =>
      client.create(request, (error: Error | null, value: provider.CreateResponse) =>
        error ? reject(error) : resolve(value),
      ),
    );
    return { id: response.getId(), outputs: response.getProperties()?.toJavaScript() };
  }

  it("begins with no drift, and is known at a preview, so that steps which are there stay as they are", async () => {
    const outputs = { reader, generations: {}, epoch: 1 };
    expect(await created({ reader }, false)).toEqual({ id: "host", outputs });
    expect(await created({ reader }, true)).toEqual({ id: "", outputs });
  });

  it("is unknown at a preview that does not know the machine", async () => {
    expect((await created({ reader: unknown }, true)).outputs).toEqual({ generations: unknown, epoch: unknown });
  });

  it("keeps at a preview what it was if the machine does not answer, and is an error at up", async () => {
    const request = new provider.UpdateRequest();
    request.setUrn(urn);
    request.setOlds(toStruct(state));
    request.setNews(toStruct({ reader: { ...reader, timeout: 0 } }));
    const update = (preview: boolean) => {
      request.setPreview(preview);
      return new Promise<provider.UpdateResponse>((resolve, reject) =>
        client.update(request, (error: Error | null, value: provider.UpdateResponse) =>
          error ? reject(error) : resolve(value),
        ),
      );
    };
    expect((await update(true)).getProperties()?.toJavaScript()).toMatchObject({ generations: { one: 2 }, epoch: 3 });
    await expect(update(false)).rejects.toThrow("did not answer");
  });
});
