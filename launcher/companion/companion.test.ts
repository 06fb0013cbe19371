import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sh } from "../../components/machine/shell.ts";
import { processName, until } from "../../sandbox/processes.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { parseInvocation } from "../invocation.ts";
import { runsProgram, startCompanion } from "./companion.ts";

describe("the companion of pulumi", () => {
  it("says how pulumi is to attach to it, beside other providers that a developer debugs", async () => {
    const companion = startCompanion([], { ...process.env, PULUMI_DEBUG_PROVIDERS: "other:1234" });
    try {
      companion.ask({ resources: [] });
      const { options, environment } = await companion.attachment();
      const [, port] = /^127\.0\.0\.1:(\d+)$/.exec(options[1] ?? "") ?? [];
      expect(options).toEqual(["--client", `127.0.0.1:${port}`]);
      expect(environment).toEqual({ PULUMI_DEBUG_PROVIDERS: `duet:${port},other:1234` });
    } finally {
      await companion.end();
    }
  });

  it("leaves pulumi to start program and provider by itself if it cannot be started", async () => {
    for (const enter of [["/nowhere/ip"], ["false"]]) {
      const companion = startCompanion(enter, process.env);
      companion.ask(undefined);
      expect(await companion.attachment()).toEqual({ options: [], environment: {} });
      await companion.end();
    }
  });

  it("asks the machines of the last up at once, and leaves nobody waiting for their answer", async () => {
    const folder = temporaryFolder("companion-");
    const pidFile = join(folder, "pid");
    mkdirSync(join(folder, ".completed"));
    writeFileSync(join(folder, ".completed/a"), "");
    writeFileSync(join(folder, "a.sh"), sh`echo "$BASHPID" >${pidFile}; exec sleep 60`.shell);
    const inputs = { reader: { command: ["bash", "-c"], records: folder, timeout: 1 } };
    const companion = startCompanion([], process.env);
    companion.ask({ resources: [{ urn: "a", type: "duet:machine:Facts", inputs }] });
    expect(await until(10_000, () => existsSync(pidFile) && readFileSync(pidFile, "utf8") !== "")).toBe(true);
    const pid = Number(readFileSync(pidFile, "utf8"));
    expect(processName(pid)).toBe("sleep");
    await companion.end();
    expect(await until(5000, () => processName(pid) === undefined)).toBe(true);
  });

  it.each([
    ["up", true],
    ["update --yes", true],
    ["preview", true],
    ["up --preview-only", true],
    ["destroy", false],
    ["refresh", false],
    ["up --attach-debugger", false],
    ["up -d", false],
    ["up -yd", false],
    ["preview --debug", false],
    ["up --attach-debugger=program", false],
    ["preview --client 127.0.0.1:1", false],
  ])("is of use to `%s`: %s", (line, isOfUse) => {
    const words = line.split(" ");
    expect(runsProgram(parseInvocation(words), words)).toBe(isOfUse);
  });
});
