import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nfsServer } from "./nfs-export.ts";
import { ganeshaConfiguration, ganeshaFacts, startGanesha, stopGanesha } from "./nfs-ganesha.ts";
import { exportByKernel, exportsFile, kernelExportFacts, unexportByKernel } from "./nfs-kernel.ts";
import type { NfsShare } from "./nfs-share.ts";

const share: NfsShare = {
  directory: "/media/data/duet",
  address: "192.168.150.1",
  clients: ["192.168.150.10", "fd00::11"],
};

describe("the server", () => {
  it("is nfs-ganesha in the embedded host and nfsd elsewhere, unless it is named", () => {
    expect(nfsServer("auto", true)).toBe("ganesha");
    expect(nfsServer("auto", false)).toBe("kernel");
    expect(nfsServer("ganesha", false)).toBe("ganesha");
  });
});

describe("nfs-ganesha's configuration", () => {
  const text = ganeshaConfiguration(share, "/state/nfs");

  it("opens the export for the clients alone, on one address, with root squashed", () => {
    expect(text).toContain("Bind_addr = 192.168.150.1;");
    expect(text.match(/CLIENT \{/g)).toHaveLength(2);
    expect(text).toContain("Clients = fd00::11; Access_Type = RW; Squash = Root_Squash; SecType = sys;");
    expect(text).toMatch(/^ {2}Access_Type = None;$/m);
    expect(text).not.toMatch(/\*|No_Root_Squash/i);
  });

  it("serves the directory under its own path", () => {
    expect(text).toContain('Path = "/media/data/duet";');
    expect(text).toContain('Pseudo = "/media/data/duet";');
  });
});

describe("nfsd's export file", () => {
  it("has a line for each client, with root squashed", () => {
    const text = exportsFile(share, { stack: "dev" });
    const id = /fsid=([0-9a-f-]{36})/.exec(text)?.[1];
    expect(text).toBe(
      ["192.168.150.10", "fd00::11"]
        .map((client) => `/export/duet-dev ${client}(rw,async,no_subtree_check,root_squash,sec=sys,fsid=${id})\n`)
        .join(""),
    );
  });
});

describe("what is no single address, or no plain path,", () => {
  it.each(["*", "192.168.150.0/24", "@netgroup", "guest", "1.2.3.4 *(rw)", ""])("is refused: %j", (client) => {
    expect(() => ganeshaConfiguration({ ...share, clients: [client] }, "/s")).toThrow("single addresses");
    expect(() => exportsFile({ ...share, clients: [client] }, { stack: "dev" })).toThrow("single addresses");
  });

  it("is refused as a path, whatever it is", () => {
    fc.assert(
      fc.property(fc.string(), (rest) => {
        fc.pre(/[^\w@%+=:,.-]/.test(rest));
        expect(() => ganeshaConfiguration({ ...share, directory: `/a${rest}/\n` }, "/s")).toThrow("absolute path");
        expect(() => exportByKernel({ ...share, directory: `/a${rest}/\n` }, { stack: "dev" })).toThrow(
          "absolute path",
        );
      }),
    );
  });
});

describe("the scripts", () => {
  const scripts = {
    startGanesha: startGanesha(share, "/tmp/it's odd; $(x)/nfs".replace(/[^\w/]/g, "_")),
    ganeshaFacts: ganeshaFacts("/state/o'dd nfs"),
    stopGanesha: stopGanesha("/state/o'dd nfs"),
    exportByKernel: exportByKernel(share, { stack: "dev" }),
    kernelExportFacts: kernelExportFacts({ stack: "dev" }),
    unexportByKernel: unexportByKernel({ stack: "dev" }),
  };

  it.each(Object.entries(scripts))("%s is bash that parses", (_, script) => {
    execFileSync("bash", ["-n"], { input: script.shell });
  });

  it("end only the server of their own folder", () => {
    expect(scripts.stopGanesha.shell).not.toMatch(/killall|pkill/);
    expect(scripts.stopGanesha.shell).toContain(`'/state/o'\\''dd nfs/ganesha.pid'`);
  });
});
