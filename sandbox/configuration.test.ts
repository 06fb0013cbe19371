import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { sh } from "../components/machine/shell.ts";
import { runBash } from "../test/support/run-script.ts";
import { temporaryFolder } from "../test/support/temporary-folder.ts";
import { enterSandbox, libvirtdConfiguration, qemuConfiguration } from "./configuration.ts";
import { type SandboxPaths, sandboxPathsFrom } from "./paths.ts";

const isRoot = process.getuid?.() === 0;

describe.runIf(isRoot)("the sandbox's view of the machine", () => {
  let paths: SandboxPaths;
  beforeEach(() => {
    paths = sandboxPathsFrom({
      HOME: "/root",
      XDG_STATE_HOME: join(temporaryFolder("duet-enter-"), 'it\'s a $(touch odd) `x` "y"'),
    });
    for (const name of ["etc", "lib", "cache", "log"] as const) {
      mkdirSync(paths[name], { recursive: true });
      writeFileSync(join(paths[name], "which"), `${name}\n`);
    }
  });

  /** Runs bash in the sandbox's view, on a machine whose /dev/kvm is root's alone, and then on that machine. */
  function view(chosen: "kvm" | "tcg", inside: string, after: string) {
    const { runDirectory, run } = paths;
    const machine = sh`mount -t tmpfs none /run; mkdir -p ${`${runDirectory}/dev`} ${run}; echo run >${`${run}/which`}
      mkdir /run/machine; cp -a /dev/null /dev/zero /dev/urandom /run/machine; mkdir /run/machine/pts /run/machine/shm
      mknod -m 0600 /run/machine/kvm c 10 232; mount --bind /run/machine /dev`;
    const enter = enterSandbox(paths, chosen, ["bash", "-c", inside, "its name", "a  word", "$another"]);
    return runBash(sh`unshare --mount --propagation private bash -c ${enter}`.shell, {
      enter: ["unshare", "--mount", "--propagation", "private"],
      before: machine.shell,
      after,
    });
  }

  it("has the sandbox's folders in the place of libvirt's, and the command's words as they are", async () => {
    const folders = "/etc/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt /run";
    const inside = `for folder in ${folders}; do cat "$folder/which"; done; printf '%s\\n' "$0" "$@"`;
    const ran = await view("tcg", inside, "ls /etc/libvirt/which /run/which 2>/dev/null || echo 'and only there'");
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    const folder = "etc\nlib\ncache\nlog\nrun\n";
    expect(ran.stdout).toBe(`${folder}its name\na  word\n$another\nand only there\n`);
  });

  it("is known by its mark, and has devices that work", async () => {
    const inside = `grep -c " - tmpfs ${paths.mark} " /proc/self/mountinfo; echo lost >/dev/null; head -c 2 /dev/zero | wc -c; cat <(echo found)`;
    const ran = await view("tcg", inside, ":");
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    expect(ran.stdout).toMatch(/^[1-9]\d*\n2\nfound\n$/);
  });

  const kvm = "stat -c '%a %U:%G %t:%T' /dev/kvm 2>/dev/null || echo 'no kvm'";

  it("has /dev/kvm only if guests are to use it", async () => {
    expect((await view("tcg", kvm, ":")).stdout).toBe("no kvm\n");
  });

  it("has /dev/kvm as udev would leave it, and the machine's own keeps its owner", async () => {
    const ran = await view("kvm", kvm, kvm);
    expect(ran).toMatchObject({ code: 0, stderr: "", stdout: "660 root:kvm a:e8\n600 root:root a:e8\n" });
  });
});

describe("the configuration", () => {
  const uuid = (text: string) =>
    /^host_uuid = "([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12})"$/m.exec(text)?.[1];

  it("gives libvirtd the same host UUID each time, and that of another sandbox is another", () => {
    const own = uuid(libvirtdConfiguration(sandboxPathsFrom({ HOME: "/root", XDG_STATE_HOME: "/tmp/x" })));
    expect(own).toBeDefined();
    expect(uuid(libvirtdConfiguration(sandboxPathsFrom({ HOME: "/root", XDG_STATE_HOME: "/tmp/x" })))).toBe(own);
    expect(uuid(libvirtdConfiguration(sandboxPathsFrom({ HOME: "/root", XDG_STATE_HOME: "/tmp/y" })))).not.toBe(own);
  });

  it("has settings and comments only, and no value that was not given", () => {
    for (const text of [
      libvirtdConfiguration(sandboxPathsFrom({ HOME: "/root", XDG_STATE_HOME: "/tmp/x" })),
      qemuConfiguration(),
    ]) {
      expect(
        text
          .trimEnd()
          .split("\n")
          .filter((line) => !/^#|^\w+ = ("[^"@]*"|\d+|\[\])$/.test(line)),
      ).toEqual([]);
    }
  });
});
