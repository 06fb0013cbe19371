import { describe, expect, it } from "vitest";
import { startProvider } from "./provider.ts";

describe("the provider beside pulumi", () => {
  it("says where pulumi is to attach to it, beside others that a developer debugs", async () => {
    const provider = startProvider([], { ...process.env, PULUMI_DEBUG_PROVIDERS: "other:1234" });
    try {
      provider.ask({ resources: [] });
      expect((await provider.environment()).PULUMI_DEBUG_PROVIDERS).toMatch(/^duet:\d+,other:1234$/);
    } finally {
      await provider.end();
    }
  });

  it("leaves pulumi to start one of its own where it cannot be started", async () => {
    for (const enter of [["/nowhere/ip"], ["false"]]) {
      const provider = startProvider(enter, process.env);
      provider.ask(undefined);
      expect(await provider.environment()).toEqual({});
      await provider.end();
    }
  });
});
