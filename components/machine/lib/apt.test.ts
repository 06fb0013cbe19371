import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { lastLine, runLibrary, type Stubs } from "../../../test/support/run-script.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { scriptText } from "../script-text.ts";

let root: string;
let calls: string;
beforeEach(() => {
  root = temporaryFolder("packages-");
  calls = join(root, "calls");
});

/**
 * A machine that has `bc`, half of `git`, and gets what apt-get installs.
 *
 * @param apt bash that runs before an installation, with apt-get's arguments
 */
function machine(apt = ":", audit = ":"): Stubs {
  return {
    "dpkg-query": `shift 2; [ "$1" != -- ] || shift
for name; do case $name in
  bc) echo 'bc installed';;
  git) if [ -e '${root}/git' ]; then echo 'git installed'; else echo 'git half-configured'; fi;;
  *) if [ -e "${root}/$name" ]; then echo "$name installed"; else echo "no packages found matching $name" >&2; missing=1; fi;;
esac; done; [ -z "\${missing-}" ]`,
    "apt-get": `echo "apt-get $*" >>'${calls}'
${apt}
case " $* " in *" install "*) for name; do case $name in -*|install|*=*) ;; *) : >'${root}/'"$name";; esac; done;; esac`,
    dpkg: `echo "dpkg $*" >>'${calls}'; case $1 in --audit) ${audit};; esac`,
  };
}

const run = (call: string, stubs: Stubs = {}, namespace = "") =>
  runLibrary(scriptText(import.meta.url, "apt.sh", { fetch_namespace: namespace }), call, { stubs });
const install = (packages: string, stubs: Stubs, namespace?: string) =>
  run(`install_packages ${packages}`, stubs, namespace);

const called = () => (existsSync(calls) ? readFileSync(calls, "utf8") : "");

describe("the facts of packages", () => {
  it("tell for each whether it is installed whole", async () => {
    const ran = await run("package_facts bc git flex", machine());
    expect(ran).toMatchObject({
      code: 0,
      stdout: "package bc: installed\npackage git: missing\npackage flex: missing\n",
    });
  });

  it("call all of them missing if there is no dpkg", async () => {
    const ran = await run("package_facts bc", { "dpkg-query": "exit 127" });
    expect(ran.stdout).toBe("package bc: missing\n");
  });

  it("are none for no packages, and take no process", async () => {
    const stubs = { "dpkg-query": `echo asked >>'${calls}'` };
    expect(await run("package_facts", stubs)).toMatchObject({ code: 0, stdout: "" });
    expect(called()).toBe("");
  });
});

describe("installing packages", () => {
  it("asks apt for what is missing, and for nothing else", async () => {
    const ran = await install("bc git flex", machine());
    expect(ran).toMatchObject({ code: 0, stdout: "" });
    expect(called().match(/^apt-get .*$/gm)).toEqual([
      expect.stringMatching(/ install --no-install-recommends git flex$/),
    ]);
    expect((await run("package_facts git flex", machine())).stdout).not.toContain("missing");
  });

  it("calls apt not at all if nothing is missing", async () => {
    expect((await install("bc", machine())).code).toBe(0);
    expect((await install("", machine())).code).toBe(0);
    expect(called()).toBe("");
  });

  it("waits for another apt, and asks no question", async () => {
    const ran = await install("flex", machine(`echo "$DEBIAN_FRONTEND" >&2; cat`));
    expect(ran.stderr).toContain("noninteractive\n");
    expect(called()).toContain("-o DPkg::Lock::Timeout=300");
  });

  it("reads the archive's list if the first try fails, and tries once more", async () => {
    const once = `case " $* " in *" update "*) : >'${root}/updated';; *) [ -e '${root}/updated' ] || exit 100;; esac`;
    expect((await install("flex", machine(once))).code).toBe(0);
    expect(called().match(/ (install|update)\b/g)).toEqual([" install", " update", " install"]);
  });

  it("completes an interrupted dpkg first", async () => {
    const ran = await install("flex", machine(":", "echo half installed: git"));
    expect(ran.code).toBe(0);
    expect(called()).toMatch(/^dpkg --audit\ndpkg --configure -a --force-confold\napt-get /);
  });

  it("names what could not be installed, last", async () => {
    const ran = await install("bc git flex", machine("echo E: no such archive >&2; exit 100"));
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain("E: no such archive\n");
    expect(lastLine(ran)).toMatch(/^cannot install git flex: E: no such archive/);
  });

  it("names what is missing if there is no apt", async () => {
    const { "apt-get": _, ...rest } = machine();
    const noApt = 'command() { if [ "$2" = apt-get ]; then return 1; fi; builtin command "$@"; }';
    const ran = await run(`${noApt}\ninstall_packages flex`, rest);
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(/^cannot install flex: .*apt-get/);
  });

  it("goes through the network namespace that reaches the archive", async () => {
    const nsenter = `echo "nsenter $1" >>'${calls}'; shift; exec "$@"`;
    const ran = await install("flex", { ...machine(), nsenter }, "/run/netns/it's out");
    expect(ran.code).toBe(0);
    expect(called()).toMatch(/nsenter --net=\/run\/netns\/it's out\napt-get .* install /);
  });
});
