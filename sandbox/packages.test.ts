import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { scriptText } from "../components/machine/script.ts";
import { sh } from "../components/machine/shell.ts";
import { lastLine, runBash } from "../test/support/run-script.ts";
import { temporaryFolder } from "../test/support/temporary-folder.ts";
import { installPackages, requirePackages, sandboxPackages } from "./packages.ts";

const policy = join(import.meta.dirname, "policy-rc.d");
let target: string;
beforeEach(() => {
  target = join(temporaryFolder("it's sbin-"), "policy-rc.d");
});

/** Installs on a machine that has `bc`, and looks at the policy while apt-get does. */
function install(aptGet: string, packages: readonly string[] = ["bc", "flex"]) {
  const values = { packages, policy, target, fetch_namespace: undefined };
  // A process group of its own, to which a stub may send what a terminal sends.
  return runBash(sh`exec setsid --wait bash -c ${scriptText(import.meta.url, "packages.sh", values)}`.shell, {
    stubs: {
      "dpkg-query": "echo 'bc installed'",
      dpkg: `echo "dpkg $*" >>"$STUBS/calls"`,
      systemctl: 'echo "systemctl $*" >&2',
      "apt-get": `echo "apt-get \${*: -2}: $(head -n 2 '${target.replaceAll("'", "'\\''")}' 2>/dev/null | tail -n 1)"; ${aptGet}`,
    },
  });
}

describe("the packages of the embedded host", () => {
  it("are each named once, in the order of the alphabet", () => {
    expect([...new Set(sandboxPackages)].sort()).toEqual(sandboxPackages);
    expect(sandboxPackages).toEqual(expect.arrayContaining(["gdb", "mmdebstrap", "nfs-ganesha-vfs", "xsltproc"]));
  });

  it("are named if something needs them and dpkg does not have them installed", () => {
    expect(() => requirePackages("start it", ["dpkg"])).not.toThrow();
    expect(() => requirePackages("start it", [])).not.toThrow();
    expect(() => requirePackages("start it", ["dpkg", "no-such-package", "bash"])).toThrow(
      /^cannot start it: [^\n]*: no-such-package; [^\n]+$/,
    );
  });

  it("are installed without a word if none is missing", async () => {
    const report = () => Promise.reject(new Error("there is nothing to report"));
    await installPackages(report, ["dpkg", "bash"]);
  });
});

it("takes no SDK of Pulumi's to look for them and to start the embedded host: each run of the launcher does", () => {
  const program = `for (const file of ["launcher/embedded.ts", "launcher/workstation.ts", "provider/drift.ts"]) {
    await import(${JSON.stringify(join(import.meta.dirname, ".."))} + "/" + file);
  }
  const { createRequire } = await import("node:module");
  console.log(Object.keys(createRequire("/").cache).filter((file) => file.endsWith("@pulumi/pulumi/index.js")).join());`;
  expect(execFileSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" })).toBe("\n");
});

describe("an installation", () => {
  it("installs what is missing, starts no service meanwhile, and leaves no policy", async () => {
    const ran = await install("");
    expect(ran.code).toBe(0);
    expect(ran.stderr).toMatch(/apt-get \S+ flex: # duet: no service starts/);
    expect(ran.stderr).not.toContain("bc");
    expect(existsSync(target)).toBe(false);
  });

  it("turns off what its packages would open to everybody at the next boot, and nothing else", async () => {
    expect((await install("")).stderr).not.toContain("systemctl");
    const ran = await install("", ["cockpit-machines", "cockpit-ws"]);
    expect([ran.code, lastLine(ran)]).toEqual([0, "systemctl disable cockpit.socket"]);
  });

  it("leaves a policy of somebody else's alone", async () => {
    writeFileSync(target, "#!/bin/sh\n# theirs\nexit 101\n");
    const ran = await install("");
    expect(ran.stderr).toMatch(/apt-get \S+ flex: # theirs/);
    expect(readFileSync(target, "utf8")).toContain("theirs");
  });

  it("removes the policy that an installation before it has left, which was killed", async () => {
    writeFileSync(target, readFileSync(policy));
    expect((await install("")).code).toBe(0);
    expect(existsSync(target)).toBe(false);
  });

  it("ends with apt's first error in its last line, and leaves no policy", async () => {
    const ran = await install("echo 'E: no such archive'; echo 'E: and so on'; exit 100");
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(/^cannot install flex: E: no such archive; /);
    expect(existsSync(target)).toBe(false);
  });

  it.each(["INT", "TERM", "HUP"])("leaves no policy if it is ended by SIG%s, as apt is", async (signal) => {
    const seen = `${target}.seen`;
    const ran = await install(sh`cp -- ${target} ${seen}; kill -${signal} 0; sleep 10`.shell);
    expect(ran.code).not.toBe(0);
    expect(readFileSync(seen, "utf8")).toBe(readFileSync(policy, "utf8"));
    expect(existsSync(target)).toBe(false);
  });
});
