import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { parse } from "yaml";
import { sh } from "../../components/machine/shell.ts";
import { kernel, type SpecChange, sources } from "../e2e/stack.ts";
import type { Container, Ran } from "./container.ts";

const project = join(import.meta.dirname, "../..");

/** What a spec here says of its host. */
export const host = { nfsServer: "ganesha", accelerator: "tcg", stub: "socket", console: true };

/** Numeric ids, as setup.sh makes the accounts. */
export const ids = { alice: "1000:1000", bob: "1001:1001" } as const;

export type Name = keyof typeof ids;

/** Who has a clone of the project on a workstation, with what was downloaded and built before. */
export class Person {
  readonly name: Name;
  readonly #container: Container;

  constructor(container: Container, name: Name) {
    this.#container = container;
    this.name = name;
  }

  /**
   * Gives the container, which is off, this person's clone.
   *
   * @param cache absolute path of this machine's cache
   * @param hasKernel whether a kernel that was built here before comes with it
   */
  async settle(cache: string, hasKernel: boolean): Promise<void> {
    const scratch = mkdtempSync(join(tmpdir(), "duet-clone-"));
    try {
      const clone = join(scratch, "duet");
      await execa("git", ["clone", "--quiet", project, clone]);
      await execa("cp", ["-a", "--reflink=auto", join(project, "node_modules"), clone]);
      // Newer than the clone, as after npm install.
      await execa("touch", [join(clone, "node_modules/.package-lock.json")]);
      await this.#give(clone, "duet");
      for (const kind of ["toolchain", "image", ...(hasKernel ? ["kernel"] : [])]) {
        await this.#give(join(cache, kind), `.cache/duet/${kind}`);
      }
      this.#moveToolchain(cache);
      // The folders above what was given, the home among them.
      const home = this.#container.file(`home/${this.name}`);
      await execa("chown", [ids[this.name], home, join(home, ".cache"), join(home, ".cache/duet")]);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  /**
   * Writes the spec of a stack into the clone: the system's libvirt, translated guests on sockets, nfs-ganesha. Pulumi's
   * own in it, the salt of the stack's secrets, stays.
   *
   * @param change what is asked for in the place of that. Defaults to nothing.
   */
  async writeSpec(stack: string, guest: string, change: SpecChange = {}): Promise<void> {
    const config = {
      "duet:host": host,
      "duet:sources": sources,
      "duet:image": { build: "debian-12" },
      "duet:kernel": kernel,
      "duet:module": { build: "host" },
      "duet:vms": [{ name: guest, memory: 768, vcpus: 1 }],
      ...change,
    };
    const file = `duet/stacks/Pulumi.${stack}.yaml`;
    const { output } = await this.does(sh`cat ${file} 2>/dev/null`.shell);
    await this.does(sh`printf %s ${JSON.stringify({ ...parse(output), config })} >${file}`.shell);
  }

  /** Runs bash in this person's login, with a backend of their own. */
  does(script: string, environment: Readonly<Record<string, string>> = {}): Promise<Ran> {
    const own = { PULUMI_CONFIG_PASSPHRASE: "duet", ...environment };
    const set = Object.entries(own).map(([name, value]) => sh`export ${name}=${value}; `.shell);
    return this.#container.run(this.name, `${set.join("")}${script}`);
  }

  /** Runs pulumi, where sudo has a program to ask. */
  pulumi(
    line: string,
    environment: Readonly<Record<string, string>> = { SUDO_ASKPASS: "/usr/local/bin/askpass" },
  ): Promise<Ran> {
    return this.does(`cd duet && bin/pulumi ${line} --color never`, environment);
  }

  /** What a stack's output says of its one guest, by name. */
  async access(name: "address" | "gdbCommand" | "sshCommand" | "stub", stack = "workstation"): Promise<string> {
    const { output } = await this.pulumi(`stack output vms --json --stack ${stack}`);
    return new RegExp(`"${name}": "(.*)"`).exec(output)?.[1] ?? "false";
  }

  /** Runs bash in this person's guest of a stack, as the printed command reaches it. */
  async guest(script: string, stack = "workstation"): Promise<Ran> {
    return this.does(sh`${{ shell: await this.access("sshCommand", stack) }} ${script}`.shell);
  }

  /** What the guest is called that gdb finds by the printed command, and by its symbols of the kernel. */
  async guestInGdb(stack: string): Promise<string | undefined> {
    const gdb = { shell: await this.access("gdbCommand", stack) };
    const { output } = await this.does(sh`${gdb} -batch -ex ${"output init_uts_ns.name.nodename"} </dev/null`.shell);
    return /^"([^"]*)"/m.exec(output)?.[1];
  }

  /** How often sudo has asked this person so far. */
  async timesAsked(): Promise<number> {
    return Number((await this.does("cat asked 2>/dev/null | wc -l")).output);
  }

  #give(from: string, to: string): Promise<void> {
    return this.#container.give(from, `home/${this.name}/${to}`, ids[this.name]);
  }

  /** A toolchain has its own paths in it. */
  #moveToolchain(cache: string): void {
    const folder = this.#container.file(`home/${this.name}/.cache/duet/toolchain`);
    for (const name of readdirSync(folder)) {
      const file = join(folder, name, "toolchain.json");
      if (existsSync(file)) {
        writeFileSync(file, readFileSync(file, "utf8").replaceAll(cache, `/home/${this.name}/.cache/duet`));
      }
    }
  }
}

/** Gives the container, which is off, the Node and the npm of this machine. */
export async function giveNode(container: Container): Promise<void> {
  const { stdout: cli } = await execa("bash", ["-c", 'realpath "$(command -v npm)"']);
  const npm = dirname(dirname(cli));
  await container.give(process.execPath, "usr/local/bin/node", "0:0");
  await container.give(npm, "usr/local/lib/node_modules/npm", "0:0");
  await execa("ln", ["-sf", "../lib/node_modules/npm/bin/npm-cli.js", container.file("usr/local/bin/npm")]);
}
