import { execa } from "execa";
import { scriptText } from "../../components/machine/script-text.ts";
import { sh } from "../../components/machine/shell.ts";
import { libvirtName } from "../../components/names.ts";
import { providerDomain } from "../support/domain.ts";
import { deploy, localGuest, localStep, printedOf } from "../support/mocks.ts";
import type { Ran } from "../support/run-script.ts";
import { developer, rootFolder } from "./duet.ts";
import { type Guest, succeeded } from "./guest.ts";

/** Name of the domain. */
const guest = "duetdev";
const pool = libvirtName("dev");
const images = `/var/lib/libvirt/images/${pool}`;
const host = {
  developer,
  root: { as: [], folder: rootFolder },
  consoleLogs: `${rootFolder}/consoles`,
  consoleLogsHere: `${rootFolder}/consoles`,
  stubs: "/var/lib/duet/stubs/1",
};

/** Definition of a domain whose disk is a volume of a pool, as the provider hands it to the stylesheet. */
const provided = providerDomain({ type: "qemu", memory: 64, vcpus: 1 });

/** A domain of Duet's in a workstation where AppArmor confines it. It has no system, and stands still. */
export class Confined {
  readonly #workstation: Guest;

  constructor(workstation: Guest) {
    this.#workstation = workstation;
  }

  /** Makes its pool and its disk. */
  async makeDisk(): Promise<void> {
    const values = { pool, images, volume: `${guest}.qcow2` };
    await this.#workstation.demand(scriptText(import.meta.url, "pool.sh", values));
  }

  /**
   * Runs what Duet runs before a domain, and gives the domain's definition.
   *
   * @param isDiskVolume whether its disk stays a volume, against what the stylesheet says. Defaults to false.
   */
  async define(stub: "port" | "socket", isDiskVolume = false): Promise<string> {
    const printed = { ...printedOf(guest), [`${guest}-gdb-socket`]: `${host.stubs}/${guest}.sock` };
    const deployed = await deploy(() => localGuest(guest, host, "", stub), printed);
    for (const name of ["console", ...(stub === "socket" ? ["gdb-socket"] : [])]) {
      succeeded(await this.#workstation.step(localStep(deployed, `${guest}-${name}`), "create"));
    }
    const { xslt } = deployed.resource("libvirt:index/domain:Domain", guest).inputs.xml;
    // The id that a mocked volume has is a file of the current folder.
    const placed = (xslt as string).replace('"./{', `"${images}/{`);
    return transformed(isDiskVolume ? placed.replace(/^.*match="\/domain\/devices\/disk\/.*\n/gm, "") : placed);
  }

  /** Has libvirt start it, and gives as what AppArmor has it run. */
  async start(definition: string): Promise<Ran> {
    const file = "/run/domain.xml";
    const create = sh`cat >${file} && virsh -q create --paused ${file} >&2`;
    const label = sh`cat /proc/"$(cat /run/libvirt/qemu/${guest}.pid)"/attr/current`;
    return this.#workstation.run(sh`${create} && ${label}`.shell, definition);
  }

  /** The label that a domain of that definition is to have while it runs. */
  async label(): Promise<string> {
    return `libvirt-${(await this.#workstation.demand(sh`virsh -q domuuid ${guest}`.shell)).trim()} (enforce)`;
  }

  async destroy(): Promise<void> {
    await this.#workstation.run(sh`virsh -q destroy ${guest}`.shell);
  }
}

/** What the provider makes of its definition with a stylesheet. */
async function transformed(stylesheet: string): Promise<string> {
  // xsltproc takes the one as a file, and the other on its standard input.
  const script = 'xsltproc <(printf %s "$1") -';
  return (await execa("bash", ["-c", script, "bash", stylesheet], { input: provided })).stdout;
}
