import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mountFacts, mountLine, mountScript, unmountScript } from "./nfs-mount.ts";

const source = "192.168.150.1:/media/data/duet";

describe("the line in the guest's /etc/fstab", () => {
  it("mounts at boot in the background, so that no boot waits for the server", () => {
    expect(mountLine(source, "/media/data/duet")).toMatch(
      /^192\.168\.150\.1:\/media\/data\/duet \/media\/data\/duet nfs4 vers=4\.2,\S*_netdev,nofail,bg,auto 0 0$/,
    );
  });

  it("takes an IPv6 address in brackets", () => {
    expect(mountLine("[fd00::1]:/x", "/x")).toContain("[fd00::1]:/x /x nfs4 ");
  });

  it.each([
    ["/media/data/duet", "/x"],
    ["host:relative", "/x"],
    ["h:/a b", "/x"],
    [source, "/with space"],
    [source, "relative"],
    [source, "/x\n/dev/sda / ext4"],
    ["$(x):/a", "/x"],
  ])("is refused for %j on %j", (from, on) => {
    expect(() => mountLine(from, on)).toThrow(/takes/);
  });

  it("is one line with six fields, or an error, for anything", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (from, on) => {
        let line: string;
        try {
          line = mountLine(`1.2.3.4:/${from}`, `/${on}`);
        } catch {
          return;
        }
        expect(line.split(/\s/)).toHaveLength(6);
      }),
    );
  });
});

describe("the scripts", () => {
  it.each([
    ["mount", mountScript(source, "/media/data/duet", "dev")],
    ["facts", mountFacts("/media/data/duet", "dev")],
    ["unmount", unmountScript("/media/data/duet", "dev")],
  ])("%s is bash that parses", (_, script) => {
    execFileSync("bash", ["-n"], { input: script.shell });
  });

  it("tell what is mounted", () => {
    const facts = execFileSync("bash", ["-c", mountFacts("/proc", "dev").shell], { encoding: "utf8" });
    expect(facts).toContain("source: proc\nNFS: answers\n");
    const none = execFileSync("bash", ["-c", mountFacts("/no/such/mount", "dev").shell], { encoding: "utf8" });
    expect(none).toMatch(/^source: \nlines in \/etc\/fstab: /);
  });
});
