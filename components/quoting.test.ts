import { execFileSync } from "node:child_process";
import { globSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../test/temporary-folder.ts";
import { commandFileFacts, proveDebuggable, writeCommandFile } from "./debug/debug-session.ts";
import * as duetModule from "./duet/duet-module.ts";
import * as duetTools from "./duet/duet-tools.ts";
import { freshSources, makeAsDeveloper } from "./duet/make.ts";
import { accessFacts, accessScript } from "./guest/access.ts";
import { accountFacts, accountScript, removeAccount } from "./guest/account.ts";
import { bootFacts, bootScript, endSharedConnection, guestAnswers } from "./guest/boot.ts";
import { definitionFacts, keepDefinition } from "./guest/definition.ts";
import { imageFacts, imageScript } from "./guest/image.ts";
import { mountFacts, mountScript, unmountScript } from "./guest/nfs-mount.ts";
import { seedFacts, seedScript } from "./guest/seed.ts";
import { asDeveloper, endWithParent } from "./host/developer.ts";
import { allowAutoLoad, autoLoadFacts, revokeAutoLoad } from "./host/gdb-access.ts";
import { portTaken } from "./host/gdb-port.ts";
import { makeScratch, makeSourcesDirectory, releaseHold, scriptAsDeveloper, takeHold, takeTurn } from "./host/holds.ts";
import { joinGroups, leaveGroups } from "./host/host-packages.ts";
import { claimScript, leaseFacts, releaseScript } from "./host/lease.ts";
import { subnetTaken } from "./host/network.ts";
import { ganeshaFacts, startGanesha, stopGanesha } from "./host/nfs-ganesha.ts";
import { exportByKernel, kernelExportFacts, unexportByKernel } from "./host/nfs-kernel.ts";
import { buildFacts, buildScript } from "./kernel/kernel-build.ts";
import { configFacts, configScript, guestScript, keepInCache, takeKept } from "./kernel/kernel-config.ts";
import { bootKernelScript, packageInstallScript } from "./kernel/kernel-install.ts";
import { packageScript } from "./kernel/kernel-package.ts";
import { firstError, makeKernel } from "./kernel/make.ts";
import { type Source, type SourceTreeArgs, sourceDelete, sourceFacts, sourceScript } from "./kernel/source-tree.ts";
import { readBuildId } from "./machine/build-id.ts";
import { checksumFact } from "./machine/checksum.ts";
import { dropLines, lineFacts, putLines } from "./machine/marked-lines.ts";
import { inNamespace, installPackages, packageFacts, packageList } from "./machine/packages.ts";
import { fail } from "./machine/result.ts";
import { lines, type Shell, sh } from "./machine/shell.ts";
import { sinceRecord, treeSinceRecord } from "./machine/since-record.ts";
import { createScript, deleteScript, stepCommand } from "./machine/step.ts";

const developer = { uid: 54321, gid: 54322 };

/** What a builder is called with: strings which tests make hostile, and how it takes them. */
interface Builder {
  // biome-ignore lint/suspicious/noExplicitAny: any function, to be found among the exported ones.
  readonly of: (...args: any[]) => unknown;
  /** A plain value for each string. */
  readonly plain: readonly string[];
  readonly build: (values: readonly string[]) => Shell;
}

function builder(of: Builder["of"], plain: readonly string[], build: (...values: string[]) => Shell): Builder {
  return { of, plain, build: (values) => build(...values) };
}

const uri = "qemu:///system";
const dir = "/tmp/w/dir";

const sourcesOf = (of: (args: SourceTreeArgs) => Shell, source: (value: string) => Source, first = sh`:`) =>
  builder(
    of,
    ["/tmp/w/media", "duet-x", "/tmp/w/cache", "dev", "/tmp/w/netns", "/tmp/w/seed"],
    (directory, role, cache, owner, fetchNamespace, value) =>
      lines(
        first,
        of({ directory, role, cache, owner, fetchNamespace, developer, source: source(value) } as SourceTreeArgs),
      ),
  );

const kernelArgs = (source: string, build: string, ccache: string, localversion: string) => ({
  developer,
  source,
  build,
  ccache,
  localversion,
});
const share = (directory: string, address: string, client: string) => ({ directory, address, clients: [client] });
const lease = (folder: string, owner: string, candidate: string, what: string) => ({
  folder,
  owner,
  candidates: [candidate],
  what,
  taken: sh`taken() { :; }`,
});
const paths = (directory: string, buildDirectory: string, module: string) => ({ directory, buildDirectory, module });

const builders: readonly Builder[] = [
  builder(readBuildId, ["/tmp/w/notes"], (file) => readBuildId(file)),
  builder(createScript, ["/tmp/w/steps/one", "made"], (record, text) =>
    createScript(record, 1, { create: sh`echo ${text}`, facts: sh`echo ${text}`, undo: sh`echo ${text}` }),
  ),
  builder(createScript, ["/tmp/w/steps/one", "made", "guest"], (record, text, guest) =>
    createScript(record, 1, { create: sh`echo ${text}`, facts: sh`echo ${text}`, across: ["ssh", "-F", "cfg", guest] }),
  ),
  builder(deleteScript, ["/tmp/w/steps/one", "text"], (record, text) => deleteScript(record, sh`echo ${text}`)),
  builder(stepCommand, ["a title"], stepCommand),
  builder(inNamespace, ["/tmp/w/ns"], (namespace) => sh`${inNamespace(namespace)}true`),
  builder(checksumFact, ["a file", "/tmp/w/file"], (what, file) => checksumFact(what, file)),
  builder(treeSinceRecord, ["key: "], (key) => treeSinceRecord(sh`:`, [key])),
  builder(sinceRecord, ["/tmp/w/file", "key: "], (file, key) => sinceRecord([file], sh`:`, [key])),
  builder(packageList, ["bc"], (name) => sh`echo ${packageList(name)}`),
  builder(packageFacts, ["bc", "flex"], (...packages) => packageFacts(packages)),
  builder(installPackages, ["/tmp/w/ns", "bc", "flex"], (namespace, ...packages) =>
    installPackages(packages, namespace),
  ),
  builder(fail, ["why"], (why) => fail(sh`${why}`)),
  builder(putLines, ["/tmp/w/fstab", "dev", "a line"], (file, owner, line) => putLines({ file, owner }, [line])),
  builder(dropLines, ["/tmp/w/fstab", "dev"], (file, owner) =>
    lines(putLines({ file, owner: "dev" }, ["x"]), dropLines({ file, owner })),
  ),
  builder(lineFacts, ["/tmp/w/fstab", "dev"], (file, owner) => lineFacts({ file, owner })),

  builder(asDeveloper, ["word"], (word) => asDeveloper(developer, "echo", word)),
  builder(endWithParent, ["word"], (word) => endWithParent(sh`echo ${word}`)),
  builder(scriptAsDeveloper, ["word"], (word) => scriptAsDeveloper(developer, sh`echo ${word}`)),
  builder(makeSourcesDirectory, ["/tmp/w/media/duet"], (directory) => makeSourcesDirectory(directory, developer)),
  ...[
    [makeScratch, (hold: Parameters<typeof takeHold>[0]) => makeScratch(hold, developer)] as const,
    [takeHold, takeHold] as const,
    [takeTurn, (hold: Parameters<typeof takeHold>[0]) => lines(takeTurn(hold, developer), takeHold(hold))] as const,
    [releaseHold, (hold: Parameters<typeof takeHold>[0]) => lines(takeHold(hold), releaseHold(hold, sh`:`))] as const,
  ].map(([of, make]) =>
    builder(of, [dir, "duet-kernel", "dev"], (directory, what, owner) => make({ directory, what, owner })),
  ),
  builder(joinGroups, ["/tmp/w/joined"], (joined) => lines(sh`joined=${joined}`, joinGroups(1000, ["kvm", "libvirt"]))),
  builder(leaveGroups, ["/tmp/w/joined"], (joined) => lines(sh`echo a b >${joined}`, leaveGroups(joined))),
  builder(portTaken, ["vm"], (domain) => lines(sh`: >/tmp/listening`, portTaken(domain), sh`taken 1234`)),
  builder(subnetTaken, ["duet-1"], (bridge) => lines(subnetTaken(bridge), sh`taken 150`)),
  ...[
    [claimScript, (args: Parameters<typeof claimScript>[0]) => claimScript(args)] as const,
    [
      leaseFacts,
      (args: Parameters<typeof claimScript>[0]) => lines(sh`( ${claimScript(args)}`, sh`)`, leaseFacts(args)),
    ] as const,
    [
      releaseScript,
      (args: Parameters<typeof claimScript>[0]) => lines(sh`( ${claimScript(args)}`, sh`)`, releaseScript(args)),
    ] as const,
  ].map(([of, make]) =>
    builder(of, ["/tmp/w/leases", "dev/vm", "1234", "gdb port"], (...values) =>
      make(lease(...(values as Parameters<typeof lease>))),
    ),
  ),
  ...[allowAutoLoad, autoLoadFacts, revokeAutoLoad].map((make) =>
    builder(make, ["/tmp/w/home", "dev", "/media/duet"], (home, stack, directory) =>
      lines(sh`mkdir -p -- ${home}; : >${`${home}/.gdbinit`}`, make({ home, stack, directory })),
    ),
  ),
  builder(
    exportByKernel,
    [dir, "192.168.1.1", "192.168.1.2", "dev", "/tmp/w/fstab", "/tmp/w/exports.d", "/tmp/w/export"],
    (directory, address, client, stack, fstab, exportsFolder, exportFolder) =>
      lines(
        sh`mkdir -p -- ${directory}`,
        exportByKernel(share(directory, address, client), { stack, fstab, exportsFolder, exportFolder }),
      ),
  ),
  ...[kernelExportFacts, unexportByKernel].map((make) =>
    builder(
      make,
      ["dev", "/tmp/w/fstab", "/tmp/w/exports.d", "/tmp/w/export"],
      (stack, fstab, exportsFolder, exportFolder) => make({ stack, fstab, exportsFolder, exportFolder }),
    ),
  ),
  builder(startGanesha, [dir, "192.168.1.1", "192.168.1.2", "/tmp/w/nfs"], (directory, address, client, folder) =>
    startGanesha(share(directory, address, client), folder),
  ),
  ...[ganeshaFacts, stopGanesha].map((make) =>
    builder(make, ["/tmp/w/nfs"], (folder) =>
      lines(sh`mkdir -p -- ${folder}; echo $$ >${`${folder}/ganesha.pid`}`, make(folder)),
    ),
  ),

  builder(
    imageScript,
    ["/tmp/w/image.qcow2", "https://example.org/i", "abc", "/tmp/w/ns"],
    (path, url, sha256, namespace) => imageScript({ path, url, sha256 }, namespace),
  ),
  builder(imageScript, ["/tmp/w/image.qcow2", "a word", "/tmp/w/ns"], (path, word, namespace) =>
    imageScript({ path, build: ["echo", word] }, namespace),
  ),
  builder(imageFacts, ["/tmp/w/image.qcow2"], (path) => imageFacts({ path })),
  builder(accessScript, ["duetdev", "192.168.1.2", "/tmp/w/keys"], accessScript),
  builder(seedScript, ["vm", "/tmp/w/keys"], (hostname, folder) => seedScript(hostname, folder)),
  builder(seedFacts, ["/tmp/w/keys"], (folder) => seedFacts(folder)),
  builder(accessFacts, ["/tmp/w/keys"], (folder) =>
    lines(sh`mkdir -p -- ${folder}; : >${`${folder}/client`}`, accessFacts(folder)),
  ),
  builder(guestAnswers, ["guest", "/tmp/w/console"], (guest, consoleLog) =>
    lines(guestAnswers(["ssh", "-F", "cfg", guest], consoleLog), sh`forget_panic; panicked || await_guest 0`),
  ),
  builder(endSharedConnection, ["guest"], (guest) => endSharedConnection(["ssh", "-F", "cfg", guest])),
  builder(bootScript, [uri, "vm", "guest", "/tmp/w/console"], (uri, domain, guest, consoleLog) =>
    bootScript({ uri, domain, gdbPort: 1234, ssh: ["ssh", "-F", "cfg", guest], consoleLog, timeout: 0 }),
  ),
  builder(bootFacts, [uri, "vm", "guest"], (uri, domain, guest) =>
    bootFacts({ uri, domain, ssh: ["ssh", "-F", "cfg", guest] }),
  ),
  builder(keepDefinition, [uri, "vm", "1-2", "/tmp/w/kept.xml"], (uri, domain, id, file) =>
    lines(
      keepDefinition({ uri, domain }, id, file),
      sh`echo ${`<uuid>${id}</uuid>`} >${file}`,
      keepDefinition({ uri, domain }, id, file),
    ),
  ),
  builder(definitionFacts, [uri, "vm"], (uri, domain) => definitionFacts({ uri, domain })),
  builder(accountScript, ["duet"], (user) => accountScript({ user, uid: 1234, gid: 2345 })),
  builder(accountScript, ["duet"], (user) => accountScript({ user, uid: 1, gid: 1, conflict: "fail" })),
  builder(accountFacts, ["duet"], (user) => accountFacts({ user })),
  builder(removeAccount, ["duet"], (user) =>
    lines(sh`mkdir -p /var/lib/duet; : >${`/var/lib/duet/made-user-${user}`}`, removeAccount({ user })),
  ),
  builder(mountScript, ["192.168.1.1:/media/duet", dir, "dev"], mountScript),
  builder(mountFacts, [dir, "dev"], mountFacts),
  builder(unmountScript, [dir, "dev"], unmountScript),

  ...[sourceScript, sourceFacts, sourceDelete].flatMap((make) => [
    sourcesOf(make, (git) => ({ git, branch: "main" })),
    sourcesOf(make, (branch) => ({ git: "https://example.org/x.git", branch })),
    sourcesOf(make, (name) => ({ package: name })),
    sourcesOf(make, (tree) => ({ tree: `/tmp/w/media/${tree}` })),
    sourcesOf(make, (copy) => ({ copy })),
    sourcesOf(make, () => ({ copy: "/tmp/w/there" }), sh`mkdir /tmp/w/there`),
  ]),
  builder(guestScript, [], () => lines(guestScript("config"), guestScript("modules"))),
  ...(["tiny", "guest", "/tmp/w/base"] as const).map((base) =>
    builder(
      configScript,
      ["/tmp/w/src", "/tmp/w/b/build", base, "CONFIG_A=y", "virtio 1"],
      (source, build, base, text, modules) =>
        lines(
          sh`mkdir -p -- ${source}; echo 'config A' >${`${source}/Kconfig`}`,
          configScript({ developer, source, build, base, modules, fragments: [{ name: "f", text }] }),
        ),
    ),
  ),
  builder(configFacts, ["/tmp/w/build"], configFacts),
  ...[takeKept, keepInCache].map((make) =>
    builder(make, ["/tmp/w/build", "/tmp/w/cache/build"], (folder, cached) =>
      lines(sh`mkdir -p -- ${folder} ${cached}`, make({ [folder]: cached })),
    ),
  ),
  builder(
    makeKernel,
    ["/tmp/w/src", "/tmp/w/build", "/tmp/w/cc", "+duet-1", "target"],
    (source, build, ccache, localversion, target) =>
      makeKernel(kernelArgs(source, build, ccache, localversion), target),
  ),
  builder(firstError, ["-n"], (option) => lines(sh`log=/etc/passwd`, firstError(option))),
  builder(buildScript, ["/tmp/w/src", "/tmp/w/build", "/tmp/w/cc", "+duet-1"], (...values) =>
    buildScript(kernelArgs(...(values as Parameters<typeof kernelArgs>))),
  ),
  builder(
    packageScript,
    ["/tmp/w/src", "/tmp/w/build", "/tmp/w/cc", "+duet-1", "6.1", "0123"],
    (source, build, ccache, localversion, release, id) =>
      lines(
        sh`release=${release}; build_id=${id}; mkdir -p -- ${build}; chmod 777 -- ${build}; : >${`${build}/.config`}`,
        packageScript(kernelArgs(source, build, ccache, localversion)),
      ),
  ),
  builder(buildFacts, ["/tmp/w/build"], buildFacts),
  builder(packageInstallScript, ["/tmp/w/l.deb"], packageInstallScript),
  builder(
    bootKernelScript,
    [uri, "vm", "guest", "/tmp/w/console", "6.1+duet-1", "0123", "/tmp/w/src", "/tmp/w/build"],
    (uri, domain, guest, consoleLog, release, buildId, source, build) =>
      bootKernelScript({
        uri,
        domain,
        ssh: ["ssh", "-F", "cfg", guest],
        consoleLog,
        release,
        buildId,
        source,
        build,
        timeout: 0,
      }),
  ),

  builder(freshSources, [dir], (path) => freshSources(developer, path)),
  builder(makeAsDeveloper, ["module x", "/tmp/w/lock", "word"], (what, turn, word) =>
    makeAsDeveloper(developer, what, turn, word),
  ),
  builder(
    duetModule.buildModule,
    [dir, "/tmp/w/build", "duet", "s1", "k1"],
    (directory, build, module, sources, kernel) =>
      lines(
        sh`mkdir -p -- ${directory} ${build}; : >${`${directory}/Makefile`}; : >${`${build}/Module.symvers`}`,
        duetModule.buildModule(paths(directory, build, module), developer, sources, kernel),
      ),
  ),
  builder(duetModule.buildFacts, [dir, "/tmp/w/build", "duet"], (...values) =>
    duetModule.buildFacts(paths(...(values as Parameters<typeof paths>))),
  ),
  builder(duetModule.installModule, [dir, "/tmp/w/build", "duet", "b1", "k1"], (directory, build, module, id, kernel) =>
    duetModule.installModule(paths(directory, build, module), id, kernel),
  ),
  builder(duetModule.installFacts, ["duet"], duetModule.installFacts),
  builder(duetModule.removeModule, ["duet"], duetModule.removeModule),
  builder(duetTools.buildTools, [dir, "s1"], (directory, sources) =>
    lines(
      sh`mkdir -p -- ${`${directory}/duet-progs`}; : >${`${directory}/duet-progs/Makefile`}`,
      duetTools.buildTools(directory, developer, sources),
    ),
  ),
  builder(duetTools.buildToolsFacts, [dir], duetTools.buildToolsFacts),
  builder(duetTools.installTools, [dir, "b1"], duetTools.installTools),
  builder(duetTools.installToolsFacts, [], duetTools.installToolsFacts),
  builder(duetTools.removeTools, [], duetTools.removeTools),
  ...[
    [
      writeCommandFile,
      (target: Parameters<typeof proveDebuggable>[0], file: string) => writeCommandFile(target, file),
    ] as const,
    [
      proveDebuggable,
      (target: Parameters<typeof proveDebuggable>[0]) => lines(sh`: >/tmp/listening`, proveDebuggable(target)),
    ] as const,
  ].map(([of, make]) =>
    builder(
      of,
      [uri, "vm", "/media/duet", "/media/duet/build", "/media/duet/module", "f", "/tmp/w/gdb"],
      (uri, domain, directory, buildDirectory, moduleDirectory, functionName, file) =>
        make({ uri, domain, port: 1234, directory, buildDirectory, moduleDirectory, functionName }, file),
    ),
  ),
  builder(commandFileFacts, ["/tmp/w/gdb"], commandFileFacts),
];

/** Exported functions that build no script. */
const others = new Set(
  `attachCommands bindLine bridgeName cachePath domainXslt exportsFile ganeshaConfiguration guestAddress guestMac lines mountLine
  nfsPackages nfsServer parseKeys parseProof parseSpec proofCommandFile recordFile requireAddress requirePath result sh
  seedFile seedKey sshConfig stepInput treePath userCommandFile userData`.split(/\s+/),
);

describe("every builder of a script", () => {
  it("is thrown hostile strings at below", async () => {
    const covered = new Set(builders.map(({ of }) => of));
    const missing: string[] = [];
    for (const file of globSync(join(import.meta.dirname, "**/*.ts"))) {
      if (!file.endsWith(".test.ts")) {
        for (const [name, value] of Object.entries(await import(file))) {
          const isClass = /^class\b/.test(String(value));
          if (typeof value === "function" && !isClass && !others.has(name) && !covered.has(value as Builder["of"])) {
            missing.push(`${file}: ${name}`);
          }
        }
      }
    }
    expect(missing).toEqual([]);
  });
});

let root: string;
beforeEach(() => {
  root = temporaryFolder("quoting-");
});

/**
 * The script of a builder with the same text at the end of each string. A string that the builder refuses with it is
 * left plain: that it says so is as good.
 */
function withAll({ plain, build }: Builder, text: string): Shell {
  const refused = (index: number): boolean => {
    try {
      build(plain.map((value, at) => (at === index ? value + text : value)));
      return false;
    } catch {
      return true;
    }
  };
  return build(plain.map((value, index) => (refused(index) ? value : value + text)));
}

/** Whether bash takes all of the scripts for whole ones, each within the body of a function of its own. */
function parses(scripts: readonly Shell[]): boolean {
  const functions = scripts.map(({ shell }, index) => `f${index}() {\n:\n${shell}\n}`);
  try {
    execFileSync("bash", ["-n"], { input: functions.join("\n"), stdio: ["pipe", "ignore", "ignore"] });
    return true;
  } catch {
    return false;
  }
}

const shellText = fc
  .array(fc.constantFrom(..."'\"\\`$(){}[]<>|&;*?!#~=%^-\n\r\t a", "$(x)", "`x`", "'\\''", "$'", "${x", "<<E", "é"), {
    minLength: 1,
  })
  .map((parts) => parts.join(""));

describe("a hostile string", { timeout: 60_000 }, () => {
  it("leaves every script one that bash takes", () => {
    fc.assert(
      fc.property(shellText, (text) => {
        const scripts = builders.map((one) => withAll(one, text));
        if (!parses(scripts)) {
          const broken = builders.filter((_, index) => !parses(scripts.slice(index, index + 1)));
          expect(broken.map(({ of }) => of.name)).toEqual([]);
        }
      }),
      { numRuns: 15 },
    );
  });
});

/**
 * Where a text stands in bash other than between single quotes, in each script within a script too. Knows of bash what
 * the scripts here have of it.
 */
class Reading {
  /** What stands before each such place. */
  readonly open: string[] = [];
  /** How often the text stands between single quotes of the innermost script. */
  quoted = 0;
  readonly #text: string;
  #script = "";
  #at = 0;

  constructor(script: string, text: string) {
    this.#text = text;
    this.#read(script);
  }

  #read(script: string): void {
    const [outer, place] = [this.#script, this.#at];
    this.#script = script;
    this.#at = 0;
    // A `)` that closes nothing ends a pattern of `case`.
    for (; this.#at < script.length; this.#at++) {
      this.#code();
    }
    this.#script = outer;
    this.#at = place;
  }

  #sees(start: string): boolean {
    return this.#script.startsWith(start, this.#at);
  }

  #check(): void {
    if (this.#sees(this.#text)) {
      this.open.push(this.#script.slice(Math.max(this.#at - 40, 0), this.#at));
    }
  }

  /** Reads up to and with the `)` that closes the code, or to the end. */
  #code(): void {
    let [depth, word, previous] = [1, "", ""];
    const endWord = (): void => {
      if (word.includes(this.#text)) {
        if (/^(?:ba)?sh -c$/.test(previous) || /^(?:bash -c |set -euo pipefail\n)/.test(word)) {
          this.#read(word);
        } else {
          this.quoted += 1;
        }
      }
      if (word !== "") {
        previous = `${previous.split(" ").at(-1)} ${word}`;
      }
      word = "";
    };
    for (; this.#at < this.#script.length; this.#at++) {
      this.#check();
      const character = this.#script[this.#at] as string;
      if (character === "'") {
        const end = `${this.#script}'`.indexOf("'", this.#at + 1);
        word += this.#script.slice(this.#at + 1, end);
        this.#at = end;
      } else if (character === '"') {
        word += this.#doubleQuoted();
      } else if (character === "\\") {
        this.#at += 1;
        word += this.#script[this.#at];
      } else if (this.#sees("$(") || this.#sees("<(") || this.#sees(">(")) {
        this.#at += 2;
        this.#code();
      } else if (character === "#" && word === "") {
        this.#at = `${this.#script}\n`.indexOf("\n", this.#at);
      } else if (/[\s;|&()<>]/.test(character)) {
        endWord();
        depth += character === "(" ? 1 : character === ")" ? -1 : 0;
        if (depth === 0) {
          return;
        }
      } else {
        word += character;
      }
    }
    endWord();
  }

  /** Reads a string in double quotes up to its end. */
  #doubleQuoted(): string {
    let word = "";
    for (this.#at++; this.#script[this.#at] !== '"' && this.#at < this.#script.length; this.#at++) {
      this.#check();
      if (this.#sees("$(")) {
        this.#at += 2;
        this.#code();
      } else {
        this.#at += this.#sees("\\") ? 1 : 0;
        word += this.#script[this.#at];
      }
    }
    return word;
  }
}

describe("a value in a script", () => {
  const text = '$(x) "y"; \nz #';

  it("would be seen here, if it were not quoted", () => {
    const open = (shell: string) => new Reading(shell, text).open.length;
    const bad = [text, `echo "${text}"`, `echo "$(echo 'a' ${text})"`, `case a in b) ;; esac; echo ${text}`];
    expect(bad.map(open)).toEqual([1, 1, 1, 1]);
    const [nested, remote] = [
      sh`bash -c ${`echo ${text}`}`,
      sh`ssh guest ${`bash -c ${sh`${`echo "${text}"`}`.shell}`}`,
    ];
    expect([nested, remote].map(({ shell }) => open(shell))).toEqual([1, 1]);
    const good = sh`# it's ${"a"}
echo ${text} "a${sh`$(echo ${text})`}" \' x=${text}; bash -c ${sh`bash -c ${sh`echo ${text}`.shell}`.shell}`;
    expect(new Reading(good.shell, text)).toMatchObject({ open: [], quoted: 4 });
  });

  it("stands between single quotes, wherever it is", () => {
    const readings = builders.map((one) => [one, new Reading(withAll(one, text).shell, text)] as const);
    expect(readings.flatMap(([{ of }, { open }]) => open.map((before) => `${of.name}: ${before}`))).toEqual([]);
    const unseen = readings.filter(([{ plain }, { quoted }]) => plain.length > 0 && quoted === 0);
    // The first two refuse all of it, and the last has it in a comment, without the new line that would end that.
    expect(unseen.map(([{ of }]) => of.name).sort()).toEqual(["mountScript", "startGanesha", "stepCommand"]);
  });
});

/** Commands that would leave the jail, or wait, or that have to say something for a script to go on. */
const stubs: Readonly<Record<string, string>> = {
  ssh: '[ "$3" != -O ] || exit 0; shift 3; [ $# = 0 ] || exec bash -c "$*"',
  nsenter: 'shift; exec "$@"',
  ss: `[ -e /tmp/listening ] && echo 'LISTEN 0 1 127.0.0.1:1234 users:(("x",pid=1,fd=3))' || :`,
  "ganesha.nfsd": ": >/tmp/listening",
  virsh: `case "$*" in *domstate*) echo 'shut off';; *dumpxml*) echo '<domain/>';; esac`,
  "dpkg-query": "echo 'other installed'",
  ip: "echo '192.168.150.0/24 dev virbr0 proto'",
  git: `case "$*" in *config*) echo other;; *clone*) mkdir -p "\${@: -1}";; *rev-parse*) echo 0123456789abcdef;; *) echo x;; esac`,
  make: "echo 6.1.0",
  readelf: "echo 'Build ID: 0123'",
  modinfo: "uname -r",
  gdb: "echo 'proof: done'",
  lsmod: "echo virtio 1",
  seq: "echo 1",
  ...Object.fromEntries(
    [
      ..."apt-get curl depmod dmesg dpkg dpkg-deb exportfs gpasswd grub-editenv grub-reboot grub-set-default ldconfig".split(
        " ",
      ),
      ..."modprobe mount mount.nfs4 rmmod sleep ssh-keygen sync systemctl umount update-grub".split(" "),
    ].map((name) => [name, ":"]),
  ),
};

/** Makes a root of its own, in namespaces that end with it, in which to run scripts of whoever. */
const jail = `set -euo pipefail
own=$1/root; mkdir "$own"; mount -n -t tmpfs own "$own"
mkdir -p "$own"/{usr,proc,dev,etc/default,var/lib/dpkg,home,root,scripts,stubs,boot/grub,sys,export}; mkdir -m 1777 "$own/tmp"
for name in bin lib lib64 sbin; do if [ -L /$name ]; then cp -d /$name "$own/"; elif [ -d /$name ]; then mkdir "$own/$name"; mount -n -o bind,ro /$name "$own/$name"; fi; done
mount -n -o bind,ro /usr "$own/usr"; mount -n -o bind,ro "$1/scripts" "$own/scripts"; mount -n -o bind,ro "$1/stubs" "$own/stubs"
for name in null zero full random urandom; do : >"$own/dev/$name"; mount -n --bind /dev/$name "$own/dev/$name"; done
mount -n -t proc proc "$own/proc"; ln -s /proc/self/fd "$own/dev/fd"
printf 'root:x:0:0:root:/root:/bin/bash\\nother:x:1:1::/home/other:/bin/bash\\ndev:x:1000:1000::/home:/bin/sh\\n' >"$own/etc/passwd"
printf 'root:x:0:\\nothers:x:1:\\nkvm:x:2:\\n' >"$own/etc/group"; : >"$own/etc/shadow"; : >"$own/etc/gshadow"
exec chroot "$own" /usr/bin/env -i PATH=/stubs:/usr/bin:/usr/sbin:/bin:/sbin HOME=/root CANARY=/tmp/canary bash -c '
cd /; for script in /scripts/*; do
  rm -rf /tmp/w /tmp/listening /tmp/canary; mkdir -m 1777 /tmp/w
  timeout -k 1 10 bash "$script" </dev/null >/dev/null 2>&1
  [ "$?" != 124 ] || echo "\${script##*/} hangs"
  [ ! -e /tmp/canary ] || echo "\${script##*/} was injected"
done'`;

/** Runs scripts by name, and gives the names of those that ran what was injected, or hang. */
function injected(scripts: Readonly<Record<string, Shell>>): readonly string[] {
  for (const [folder, files] of [
    [
      "scripts",
      Object.fromEntries(
        Object.entries(scripts).map(([name, { shell }]) => [name, `set -euo pipefail\n(\n${shell}\n)`]),
      ),
    ],
    ["stubs", Object.fromEntries(Object.entries(stubs).map(([name, body]) => [name, `#!/bin/bash\n${body}\n`]))],
  ] as const) {
    mkdirSync(join(root, folder));
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(root, folder, name), text, { mode: 0o755 });
    }
  }
  const namespaces = [
    "--mount",
    "--propagation",
    "private",
    "--pid",
    "--net",
    "--ipc",
    "--uts",
    "--fork",
    "--kill-child",
  ];
  return execFileSync("unshare", [...namespaces, "bash", "-c", jail, "jail", root], { encoding: "utf8" })
    .split("\n")
    .filter(Boolean);
}

const forSed = "|;s|.*|: >$CANARY|e;#\n: >$CANARY\n";

describe.runIf(process.getuid?.() === 0)("what a hostile string says", { timeout: 60_000 }, () => {
  it("would be seen here, if it were run", () => {
    const unquoted = (text: string): Shell => ({ shell: `echo ${text}` });
    expect(
      injected({
        a: unquoted("$(: >$CANARY)"),
        b: unquoted("'a'; : >$CANARY; ''"),
        c: unquoted("a\n: >$CANARY\n"),
        d: sh`ssh -F cfg guest ${"echo $(: >$CANARY)"}`,
        e: sh`setpriv --reuid 54321 --clear-groups bash -c ${": >$CANARY"}`,
        f: sh`echo a | sed ${`s|a|${forSed}: |`}`,
        g: sh`echo ${"$(: >$CANARY)"}`,
      }),
    ).toEqual(["a", "b", "c", "d", "e", "f"].map((name) => `${name} was injected`));
  });

  it.each([
    ["after a quote and in a substitution", "'; : >$CANARY; '$(: >$CANARY)"],
    ["to sed and on a line of its own", forSed],
  ])("%s is run by no script", (_, text) => {
    const scripts = builders.map((one, index) => [`${index}-${one.of.name}`, withAll(one, text)] as const);
    expect(injected(Object.fromEntries(scripts))).toEqual([]);
  });
});
