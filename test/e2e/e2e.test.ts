/**
 * The environment for real: the embedded default with two guests, each claim asked of what booted, and some of what
 * may befall it. Run by test/run, which sets XDG_STATE_HOME to a folder of its own, so that a developer's stacks stand
 * beside it.
 */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sh } from "../../components/index.ts";
import { project } from "../../launcher/project.ts";
import { Random } from "../faults/draw.ts";
import { fixedFaults } from "../faults/list.ts";
import { survive } from "../faults/run.ts";
import { consoleInBrowser } from "../guide/browser.ts";
import { wrong } from "../guide/example.ts";
import { callPath, typed } from "../guide/perf.ts";
import { checkAll, checks, consoleOf, leavesNoProcess, logsIn, ofSamples } from "./checks.ts";
import { clearSources } from "./clear-sources.ts";
import { takesVerbs } from "./duetctl.ts";
import { readsSources, stopsInAdapter } from "./editor.ts";
import { panic } from "./panic.ts";
import { changes, drifts, problem } from "./pulumi-output.ts";
import { difference, type Snapshot, snapshot } from "./snapshot.ts";
import { shared, TestStack } from "./stack.ts";
import { drawsStack } from "./status-page.ts";

const minute = 60_000;

/** What a caller's environment may hold, none of which changes what is built, understood or decided. */
const hostile = {
  ...{ LANG: "de_DE.UTF-8", LC_MESSAGES: "de_DE.UTF-8", POSIXLY_CORRECT: "1", CDPATH: "/", GREP_COLORS: "mt=01;31" },
  ...{ MAKEFLAGS: "--dry-run", KCFLAGS: "-no-such-option", CFLAGS: "-no-such-option", ARCH: "arm", CC: "false" },
  ...{ CROSS_COMPILE: "none-", LOCALVERSION: "-mine", KBUILD_OUTPUT: "/nowhere", INSTALL_MOD_PATH: "/nowhere" },
  ...{
    GIT_DIR: "/nowhere",
    TAR_OPTIONS: "--no-such-option",
    PYTHONHOME: "/nowhere",
    LIBVIRT_DEFAULT_URI: "test:///default",
  },
};
const vms = [
  // Two translated guests of two processors each, on as many of the host, have been seen to lose a timer while they boot.
  { name: "one", memory: 768, vcpus: 1 },
  { name: "two", memory: 768, vcpus: 1, gdbPort: 4321, boot: "direct" },
] as const;
const stack = new TestStack({
  name: "e2e",
  vms,
  spec: { "duet:tools": { perf: true } },
  environment: process.env,
  hostile,
});

let before: Snapshot;

beforeAll(async () => {
  clearSources(shared, stack.folder);
  before = snapshot(process.env);
  stack.writeSpec();
  await stack.run("up");
}, 60 * minute);

afterAll(async () => {
  await stack.run("destroy");
  stack.removeSpec();
  expect(difference(before, snapshot(process.env))).toEqual([]);
}, 10 * minute);

describe("a converged stack", () => {
  it("gives each guest an address and a port of its own", () => {
    expect(stack.guests.map(({ name }) => name)).toEqual(["one", "two"]);
    expect(new Set(stack.guests.map(({ address }) => address)).size).toBe(2);
    expect(stack.access("two").gdbPort).toBe(4321);
    expect(stack.access("one").gdbPort).not.toBe(4321);
  });

  it.each(checks)(
    "%s",
    async (_claim, check) => {
      for (const guest of stack.guests) {
        await check(stack, guest, ofSamples);
      }
    },
    7 * minute,
  );

  it("has one guest boot its kernel from a package, and the other directly from the build", async () => {
    const [installed, direct] = await Promise.all(
      ["one", "two"].map((name) => stack.guest(name, sh`cat /proc/cmdline; ls /boot`)),
    );
    expect(installed).toMatch(/^BOOT_IMAGE=.*\n(?:.*\n)*vmlinuz-\S+\+duet-/);
    expect(direct).toMatch(/^root=PARTUUID=.* nokaslr /);
    expect(direct).not.toContain("+duet-");
    expect(await stack.host(sh`virsh -q -c ${stack.paths.uri} dumpxml --inactive two`)).toMatch(/<kernel>.*-kernel</);
  });

  it(
    "is seen in a browser: a guest that runs, and its kernel on the serial console",
    async () => {
      expect(wrong(await consoleInBrowser(stack, "one", join(stack.folder, "console.png")))).toEqual([]);
    },
    3 * minute,
  );

  it(
    "has no process left of a session of the web console whose bridge was killed",
    async () => {
      expect(await logsIn(consoleOf(stack))).toBe(200);
      const bridges = stack.processes().filter(({ name }) => name === "cockpit-bridge");
      expect(bridges).not.toEqual([]);
      for (const { pid } of bridges) {
        process.kill(pid, "SIGKILL");
      }
      await leavesNoProcess(stack);
    },
    2 * minute,
  );

  it(
    "has a perf of its kernel's, which follows an event from a task through the page cache into the module",
    async () => {
      expect(await stack.guest("one", sh`perf --version`)).toMatch(/^perf version 6\.1/);
      expect(wrong([await typed(stack, "one", callPath)])).toEqual([]);
    },
    7 * minute,
  );

  it("changes nothing at a second up", () => stack.stays(), 2 * minute);

  it(
    "is debugged by an editor's adapter with the configuration that up has written",
    () => stopsInAdapter(stack, stack.access("one"), ofSamples),
    7 * minute,
  );

  it(
    "has clangd read a file of the kernel and one of the module without an error",
    () => readsSources(stack),
    minute * 5,
  );

  it("is drawn in a browser, by a page for that one alone", () => drawsStack(stack, stack.access("one")), 5 * minute);

  it("takes each verb of duetctl", () => takesVerbs(stack, stack.access("one")), 15 * minute);

  it("tells a change of the spec as one, and not as drift, and moves no guest that changes places", async () => {
    stack.writeSpec({ "duet:vms": vms.toReversed().map((vm) => ({ ...vm, bootTimeout: 601 })) });
    try {
      const { output } = await stack.run("preview");
      expect(drifts(output)).toEqual([]);
      const told = changes(output).map(({ name, operation }) => `${name} ${operation}`);
      expect(told).toEqual(expect.arrayContaining(["one-boot update", "two-boot update"]));
      expect(told.filter((change) => /replace|delete|create|-access|-address|-disk|nfs-export/.test(change))).toEqual(
        [],
      );
    } finally {
      stack.writeSpec();
    }
  }, 60_000);

  it("has a state without attributes of files, of which a killed pulumi would leave halves", () => {
    const files = readdirSync(stack.backend, { recursive: true, encoding: "utf8" });
    expect(files.some((file) => file.endsWith(`/${stack.name}.json`))).toBe(true);
    expect(files.filter((file) => file.endsWith(".attrs"))).toEqual([]);
  });

  it("lists a directory in the guest while the host works in it", async () => {
    const folder = join(shared, "busy");
    mkdirSync(folder);
    try {
      for (let file = 0; file < 60; file++) {
        writeFileSync(join(folder, `stays-${file}`), "");
      }
      const seconds = 8;
      const list = sh`ls -U ${folder} >/dev/null 2>&1 || failed=$((failed + 1))`;
      const listed = stack.guest(
        "one",
        sh`failed=0; end=$((SECONDS + ${seconds})); while [ "$SECONDS" -lt "$end" ]; do ${list}; done; echo "$failed"`,
      );
      const temporary = ["1", "2", "3", "4"].map((name) => join(folder, `.tmp_${name}`));
      // The server was seen to keep a list of what came and went within a tick of the file system's clock.
      for (const end = performance.now() + seconds * 1000; performance.now() < end; await sleep(Math.random() * 20)) {
        for (const file of temporary) {
          writeFileSync(file, "");
        }
        await sleep(Math.random() * 3);
        for (const file of temporary) {
          rmSync(file);
        }
      }
      expect(await listed).toBe("0");
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 60_000);

  it(
    "runs the new code, and only module steps, after one line of the module was edited",
    async () => {
      const file = join(shared, "duet-module/main.c");
      const original = readFileSync(file, "utf8");
      const loaded = sh`cat /sys/module/duet/notes/.note.gnu.build-id | sha256sum`;
      const first = await stack.guest("one", loaded);
      appendFileSync(file, '\nMODULE_INFO(e2e, "edited");\n');
      try {
        const names = changes((await stack.run("up")).output).map(({ name }) => name);
        expect(
          names.filter((name) => !/^(?:host|one-facts|two-facts|module.*|\w+-debug|editor-commands)$/.test(name)),
        ).toEqual([]);
        expect(await stack.guest("one", sh`modinfo -F e2e duet`)).toBe("edited");
        expect(await stack.guest("one", loaded)).not.toBe(first);
      } finally {
        writeFileSync(file, original);
      }
      await stack.run("up");
      expect(await stack.guest("one", sh`modinfo -F e2e duet`)).toBe("");
      expect(await stack.guest("one", loaded)).toBe(first);
    },
    10 * minute,
  );
});

describe("data in a guest", () => {
  const diskOf = (gib: number) => ({ "duet:vms": vms.map((vm) => (vm.name === "two" ? { ...vm, disk: gib } : vm)) });
  const size = () => stack.guest("two", sh`df --output=size -BM / | tail -n 1 | tr -dc 0-9`);

  it(
    "stays while its disk grows under it, and is not lost to one that would shrink, nor to another image",
    async () => {
      const bootId = sh`cat /proc/sys/kernel/random/boot_id`;
      const [small, boot] = [Number(await size()), await stack.guest("two", bootId)];
      stack.writeSpec(diskOf(9));
      const grown = changes((await stack.run("up")).output).map(({ name, operation }) => `${name} ${operation}`);
      expect(grown).toContain("two-disk-size updated");
      expect(grown.filter((change) => /replace|delete|create/.test(change))).toEqual([]);
      expect(Number(await size())).toBeGreaterThan(small + 900);
      expect(await stack.guest("two", bootId)).toBe(boot);
      stack.writeSpec(diskOf(8));
      expect(problem((await stack.attempt("up")).output)).toMatch(/disk of two 8 GiB: it has 9 GiB/);
      const other = join(stack.folder, "other.qcow2");
      await stack.host(sh`qemu-img create -q -f qcow2 ${other} 1G`);
      stack.writeSpec({ ...diskOf(9), "duet:image": { path: other } });
      try {
        expect(problem((await stack.attempt("up")).output)).toMatch(
          /use image \S+other\.qcow2: the disks of one two are/,
        );
      } finally {
        rmSync(other);
        stack.writeSpec(diskOf(9));
      }
      await stack.run("up");
      await stack.stays();
    },
    5 * minute,
  );
});

describe("a guest that panics", () => {
  it(
    "stays as it is, is told of by file and line at the next up with a report of its stack, and comes back",
    async () => {
      await panic(stack, "one");
      const { output } = await stack.run("up");
      const told = /one panicked: sysrq triggered crash; at sysrq_handle_crash \(\S*sysrq\.c:(\d+)\); report: (\S+)/;
      expect(output).toMatch(told);
      const [, line, report = ""] = told.exec(output) ?? [];
      expect(readFileSync(report, "utf8")).toMatch(
        new RegExp(`#\\d+ +sysrq_handle_crash at \\S*drivers/tty/sysrq\\.c:${line}   <-- here\n +key = `),
      );
      const ctl = sh`${join(project, "bin/duetctl")} crash one --stack ${stack.name}`;
      expect(await stack.host(ctl)).toBe(readFileSync(report, "utf8").trimEnd());
      expect(await stack.guest("one", sh`echo there`)).toBe("there");
      await stack.stays();
    },
    10 * minute,
  );
});

describe("an environment comes back", () => {
  it.each(fixedFaults.map((fault) => [fault.name, fault] as const))(
    "%s",
    async (_name, fault) => {
      const place = { stack, guest: "one", random: new Random(1), before, say: () => {} };
      const check = () => checkAll(stack, [stack.access("one")]);
      expect((await survive(fault, place, check)).problem).toBeUndefined();
    },
    10 * minute,
  );
});
