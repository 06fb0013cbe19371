import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { lastLine, runScript, type Stubs } from "../../test/run-script.ts";
import { temporaryFolder } from "../../test/temporary-folder.ts";
import { inNamespace, installPackages, packageFacts } from "./packages.ts";
import { lines, sh } from "./shell.ts";

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

const called = () => (existsSync(calls) ? readFileSync(calls, "utf8") : "");

describe("the facts of packages", () => {
  it("tell for each whether it is installed whole", async () => {
    const ran = await runScript(packageFacts(["bc", "git", "flex"]), machine());
    expect(ran).toMatchObject({
      code: 0,
      stdout: "package bc: installed\npackage git: missing\npackage flex: missing\n",
    });
  });

  it("call all of them missing where there is no dpkg", async () => {
    const ran = await runScript(packageFacts(["bc"]), { "dpkg-query": "exit 127" });
    expect(ran.stdout).toBe("package bc: missing\n");
  });

  it("are none for no packages", async () => {
    expect(await runScript(packageFacts([]))).toMatchObject({ code: 0, stdout: "" });
  });
});

describe("installing packages", () => {
  it("asks apt for what is missing, and for nothing else", async () => {
    const ran = await runScript(installPackages(["bc", "git", "flex"]), machine());
    expect(ran).toMatchObject({ code: 0, stdout: "" });
    expect(called().match(/^apt-get .*$/gm)).toEqual([
      expect.stringMatching(/ install --no-install-recommends git flex$/),
    ]);
    expect((await runScript(packageFacts(["git", "flex"]), machine())).stdout).not.toContain("missing");
  });

  it("calls apt not at all where nothing is missing", async () => {
    expect((await runScript(installPackages(["bc"]), machine())).code).toBe(0);
    expect((await runScript(installPackages([]), machine())).code).toBe(0);
    expect(called()).toBe("");
  });

  it("waits for another apt, and asks no question", async () => {
    const ran = await runScript(installPackages(["flex"]), machine(`echo "$DEBIAN_FRONTEND" >&2; cat`));
    expect(ran.stderr).toContain("noninteractive\n");
    expect(called()).toContain("-o DPkg::Lock::Timeout=300");
  });

  it("reads the archive's list where the first try fails, and tries once more", async () => {
    const once = `case " $* " in *" update "*) : >'${root}/updated';; *) [ -e '${root}/updated' ] || exit 100;; esac`;
    expect((await runScript(installPackages(["flex"]), machine(once))).code).toBe(0);
    expect(called().match(/ (install|update)\b/g)).toEqual([" install", " update", " install"]);
  });

  it("completes an interrupted dpkg first", async () => {
    const ran = await runScript(installPackages(["flex"]), machine(":", "echo half installed: git"));
    expect(ran.code).toBe(0);
    expect(called()).toMatch(/^dpkg --audit\ndpkg --configure -a --force-confold\napt-get /);
  });

  it("names what could not be installed, last", async () => {
    const ran = await runScript(
      installPackages(["bc", "git", "flex"]),
      machine("echo E: no such archive >&2; exit 100"),
    );
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain("E: no such archive\n");
    expect(lastLine(ran)).toBe(
      "these packages could not be installed: git flex; the first error is: E: no such archive",
    );
  });

  it("names what is missing where there is no apt", async () => {
    const { "apt-get": _, ...rest } = machine();
    const noApt = sh`command() { if [ "$2" = apt-get ]; then return 1; fi; builtin command "$@"; }`;
    const script = lines(noApt, installPackages(["flex"]));
    const ran = await runScript(script, rest);
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toBe(
      "these packages are missing, and there is no apt-get here to install them: flex; install them by hand and run this again",
    );
  });

  it("goes through the network namespace that reaches the archive", async () => {
    const nsenter = `echo "nsenter $1" >>'${calls}'; shift; exec "$@"`;
    const ran = await runScript(installPackages(["flex"], "/run/netns/it's out"), { ...machine(), nsenter });
    expect(ran.code).toBe(0);
    expect(called()).toMatch(/nsenter --net=\/run\/netns\/it's out\napt-get .* install /);
  });
});

describe("inNamespace", () => {
  it("adds no words where there is none", () => {
    expect(sh`${inNamespace(undefined)}curl`.shell).toBe("curl");
  });
});
