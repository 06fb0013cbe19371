import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { writeProgram } from "../../test/support/run-script.ts";
import {
  at,
  beginGuest,
  calls,
  crash,
  environment,
  host,
  once,
  oops,
  reports,
  text,
} from "../../test/support/watched-guest.ts";
import { sh } from "../machine/shell.ts";

vi.setConfig({ testTimeout: 60_000 });

beforeEach(beginGuest);

describe("the memory of a guest, which somebody asks for", () => {
  it("is kept where that of crashes is, with its symbols, and is told with what opens it", async () => {
    const { code, said } = await once("dump");
    expect(code).toBe(0);
    const [name = ""] = reports();
    const folder = at("reports", name);
    expect(said.split("\n")[0]).toBe(folder);
    expect(text("reports", name, "memory.kdump")).toBe("dumped\n");
    expect(text("reports", name, "vmlinux")).toBe("symbols");
    const typed = said.replaceAll("\\", "");
    expect(typed).toContain(`/drgn/bin/drgn -c ${folder}/memory.kdump -s ${folder}/vmlinux -s ${folder}/duet.ko\n`);
    expect(typed).toContain(`crash ${folder}/vmlinux ${folder}/memory.kdump, and there: mod -S ${folder}\n`);
    expect(typed).toContain(`${folder}/gdb.sh, which`);
    // libvirt is asked for nothing but the dump: what state the guest is in is left to it.
    expect(calls()).toBe("dump --memory-only --format kdump-zlib\n");
    expect(existsSync(at("watch/collecting"))).toBe(false);
  });

  it("is no crash, which somebody would be told of, and one that there is stays to be written down", async () => {
    crash(oops());
    await once("dump");
    expect(readdirSync(at("reports", reports()[0] ?? ""))).not.toContain("story");
    await once("collect");
    expect(reports().map((name) => existsSync(at("reports", name, "story")))).toEqual([false, true]);
  });

  it("is among those of which the last are kept, and goes whole", async () => {
    mkdirSync(at("reports/2020-01-01T00-00-00"));
    writeFileSync(at("reports/2020-01-01T00-00-00/memory.kdump"), "a crash's");
    writeFileSync(at("reports/2020-01-01T00-00-00/report.txt"), "a crash's");
    await once("dump");
    const [, first] = reports();
    await once("dump");
    await once("dump");
    expect(reports()).toHaveLength(3);
    expect(reports()).not.toContain(first);
    expect(readdirSync(at("reports/2020-01-01T00-00-00"))).toEqual(["report.txt"]);
  });

  it("is not kept, and nothing is left, if there is no room, or libvirt refuses, or none may be kept", async () => {
    const { code, said } = await once("dump", { space: 0 });
    expect(code).toBe(1);
    expect(said).toMatch(/^cannot keep the memory of o'dev: it takes more than the 0 GiB .*\n$/);
    expect((await once("dump", { dumps: 0 })).said).toBe(
      "cannot dump the memory of o'dev: duet:host.crashes asks for none\n",
    );
    host({ free: 1000 });
    expect((await once("dump")).said).toMatch(/^cannot dump the memory of o'dev: 0 MiB are free at .*; free some\n$/);
    host({ fails: true });
    expect(await once("dump")).toMatchObject({
      code: 1,
      said: expect.stringContaining("o'dev: libvirt says: error: "),
    });
    expect(readdirSync(at("reports"))).toEqual([]);
  });

  it("is opened in gdb by a file beside it, which makes another one of it the first time", async () => {
    await once("dump");
    const folder = at("reports", reports()[0] ?? "");
    const makes = sh`shift 2; echo "$*" >>${at("calls")}; echo yes >"$3.gdb"`;
    writeProgram(at("drgn/bin/python"), makes.shell);
    writeProgram(at("bin/gdb"), 'printf "%s|" "$@"');
    const open = () =>
      spawnSync(`${folder}/gdb.sh`, ["-batch", "-ex", "bt 1"], { env: environment(), encoding: "utf8" }).stdout;
    expect([open(), open()]).toEqual(Array(2).fill(`-x|${folder}/core.gdb|-batch|-ex|bt 1|`));
    const made = `${folder}/memory.kdump ${folder}/vmlinux ${folder}/core ${folder}/duet.ko`;
    expect(calls().split("\n").slice(1)).toEqual([made, ""]);
  });
});
