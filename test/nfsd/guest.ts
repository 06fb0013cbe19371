import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { hostAccelerator } from "../../sandbox/accelerator.ts";
import { until } from "../../sandbox/processes.ts";
import { deploy, localGuest, localStep, type Made, printedOf, scriptOf } from "../support/mocks.ts";
import { type Ran, runStep } from "../support/run-script.ts";
import type { Seat, Segment } from "./segment.ts";

export interface GuestArgs {
  readonly segment: Segment;
  readonly seat: Seat;
  /** Absolute path of the image of which its disk is an overlay. */
  readonly image: string;
  /** In MiB. */
  readonly memory: number;
  readonly vcpus: number;
}

/** Bash that waits until all has started that is to start at boot, or has failed to. */
const booted =
  "for _ in $(seq 600); do case $(systemctl is-system-running) in initializing | starting) sleep 1 ;; *) exit 0 ;; esac; done; exit 1";

/** A guest by plain QEMU, which has its keys and its seed as Duet makes them. It ends with this process. */
export class Guest {
  readonly address: string;
  readonly #args: GuestArgs;
  /** Absolute path of its folder. */
  readonly #folder: string;
  #process: ChildProcess | undefined;

  /** @param work absolute path of the folder in which it gets one of its own */
  static async make(args: GuestArgs, work: string): Promise<Guest> {
    const { seat, image } = args;
    await makeKeysAndSeed(seat, work);
    const disk = ["-b", image, "-F", "qcow2", join(work, seat.name, "root.qcow2")];
    await execa("qemu-img", ["create", "-q", "-f", "qcow2", ...disk]);
    return new Guest(args, join(work, seat.name));
  }

  private constructor(args: GuestArgs, folder: string) {
    this.#args = args;
    this.#folder = folder;
    this.address = args.seat.address;
  }

  /**
   * Starts it, and waits until it answers ssh.
   *
   * @param disks names of those that it has beside its own, as /dev/disk/by-id/virtio-NAME. They are made empty, and kept.
   */
  async boot(disks: readonly string[] = []): Promise<void> {
    for (const disk of disks) {
      const file = this.#disk(disk);
      if (!existsSync(file)) {
        await execa("truncate", ["--size=1G", file]);
      }
    }
    const log = openSync(this.#file("qemu.log"), "a");
    const [enter = "", ...words] = this.#args.segment.enter;
    const own = ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", ...this.#words(disks)];
    const qemu = spawn(enter, [...words, ...own], { stdio: ["ignore", log, log] });
    this.#process = qemu;
    const answers = async () => qemu.exitCode !== null || (await this.run("true")).code === 0 || sleep(1000, false);
    if (!(await until(900_000, answers)) || qemu.exitCode !== null) {
      const last = ["qemu.log", "console.log"].map((name) => readFileSync(this.#file(name), "utf8").slice(-2000));
      throw new Error(`${this.#args.seat.name} does not answer: ${last.join("\n")}`);
    }
    await this.demand(booted);
  }

  /** Runs bash in it as root. */
  async run(script: string, stdin = ""): Promise<Ran> {
    const { exitCode, stdout, stderr } = await this.start(script, stdin);
    return { code: exitCode ?? null, stdout, stderr };
  }

  /** Starts bash in it as root, and does not wait for its end. */
  start(script: string, stdin = "") {
    return this.#ssh([script], stdin);
  }

  /** @throws with what it said, if it did not succeed */
  async demand(script: string, stdin?: string): Promise<string> {
    return succeeded(await this.run(script, stdin));
  }

  /** Runs a step of Duet's in it, as Pulumi does. */
  step({ inputs }: Made, verb: "create" | "delete"): Promise<Ran> {
    return this.run(inputs[verb], inputs.stdin);
  }

  /** Shuts it down in order. */
  async powerOff(): Promise<void> {
    await this.#end(async () => {
      await this.run("systemctl poweroff");
      return until(240_000, () => this.#process?.exitCode !== null);
    });
  }

  /** Cuts it off, as a loss of power does. */
  async cutOff(): Promise<void> {
    await this.#end(async () => false);
  }

  async #end(asks: () => Promise<boolean>): Promise<void> {
    const qemu = this.#process;
    if (qemu === undefined || qemu.exitCode !== null || qemu.signalCode !== null) {
      return;
    }
    const ended = once(qemu, "exit");
    if (!(await asks())) {
      qemu.kill("SIGKILL");
    }
    await ended;
    // The connection that all commands have shared.
    await this.#ssh(["-O", "exit"], "");
  }

  #ssh(words: readonly string[], input: string) {
    const [enter = "", ...rest] = this.#args.segment.enter;
    const { name } = this.#args.seat;
    const isOption = words[0]?.startsWith("-") ?? false;
    const target = isOption ? [...words, name] : [name, ...words];
    return execa(enter, [...rest, "ssh", "-F", this.#file("ssh_config"), ...target], {
      input,
      maxBuffer: 1 << 28,
      reject: false,
      stripFinalNewline: false,
    });
  }

  #words(disks: readonly string[]): readonly string[] {
    const { seat, memory, vcpus } = this.#args;
    const drive = (id: string, file: string, format: string, more: string) => [
      ...["-drive", `file=${file},if=none,id=${id},format=${format},${more}`],
      ...["-device", `virtio-blk-pci,drive=${id},serial=${id}`],
    ];
    return [
      ...["-name", seat.name, "-nodefaults", "-no-user-config", "-display", "none"],
      ...["-machine", "pc", "-accel", hostAccelerator(), "-cpu", "max"],
      ...["-m", String(memory), "-smp", String(vcpus)],
      ...["-chardev", `file,id=console,path=${this.#file("console.log")},append=on`, "-serial", "chardev:console"],
      // The first is the one of which it boots.
      ...drive("root", this.#file("root.qcow2"), "qcow2", "cache=unsafe"),
      ...drive("seed", this.#file("seed.iso"), "raw", "readonly=on"),
      ...disks.flatMap((name) => drive(name, this.#disk(name), "raw", "cache=unsafe")),
      ...["-netdev", `tap,id=net,ifname=${seat.name},script=no,downscript=no`],
      ...["-device", `virtio-net-pci,netdev=net,mac=${seat.mac},romfile=`, "-device", "virtio-rng-pci"],
    ];
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }

  #disk(name: string): string {
    return this.#file(`${name}.raw`);
  }
}

/** @throws with what it said, if it did not succeed */
export function succeeded({ code, stdout, stderr }: Ran): string {
  if (code !== 0) {
    throw new Error(`ended with ${code}: ${(stdout + stderr).split("\n").slice(-15).join("\n")}`);
  }
  return stdout;
}

/** The steps by which a guest of Duet's gets its keys, and the disk from which cloud-init takes them. */
async function makeKeysAndSeed({ name, address }: Seat, work: string): Promise<void> {
  mkdirSync(join(work, name), { recursive: true, mode: 0o700 });
  const printed = { ...printedOf(name), [`${name}-address`]: address };
  const input = async (step: string, more = {}) => {
    const deployed = await deploy(() => localGuest(name, { stateFolder: work }), { ...printed, ...more });
    return scriptOf(localStep(deployed, `${name}-${step}`));
  };
  const access = await input("access");
  const keys = succeeded(await runStep(access.script, "create"));
  const seed = await input("seed-image", { [`${name}-access`]: keys });
  succeeded(await runStep(seed.script, "create", { stdin: seed.stdin }));
}
