import { NfsMount } from "../../components/guest/nfs-mount.ts";
import { NfsExport } from "../../components/host/nfs-export.ts";
import { deploy, localGuest, localHost, localStep, type Made, printedOf } from "../support/mocks.ts";
import type { Guest } from "./guest.ts";

/** The ids of the developer, on both sides. */
export const developer = { uid: 1000, gid: 1001 };

/** The sources directory, on both sides, and where the disk is mounted on which the server has it. */
export const disk = "/media/data";
export const directory = `${disk}/duet`;

/** Where a workstation keeps what is root's of a stack. */
export const rootFolder = "/var/lib/duet/stacks/1";

/** What Duet does with the sources on a workstation, and in a guest of its own: all as its program asks for it. */
export class Duet {
  readonly #server: Guest;
  readonly #client: Guest;
  /** The export as it was last made, and its mount. */
  #export: Made | undefined;
  #mount: Made | undefined;

  constructor(server: Guest, client: Guest) {
    this.#server = server;
    this.#client = client;
  }

  /**
   * Serves the sources directory.
   *
   * @param more addresses of other guests. Defaults to none.
   */
  async serve(...more: readonly string[]) {
    const clients = [this.#client.address, ...more];
    const host = { developer, root: { as: [], folder: rootFolder } };
    const deployed = await deploy(
      () => new NfsExport("export", { host: localHost(host), directory, address: this.#server.address, clients }),
    );
    this.#export = localStep(deployed, "export");
    return this.#server.step(this.#export, "create");
  }

  /** Mounts it in the guest from where the export says that it is. */
  async mount(source: string) {
    const deployed = await deploy(
      () => new NfsMount("mount", { guest: localGuest("vm", { developer }), source, directory }),
      printedOf(),
    );
    this.#mount = deployed.resource("command:remote:Command", "mount");
    return this.#client.step(this.#mount, "create");
  }

  /** What is found of the export, whose record is beside. */
  facts(): Promise<string> {
    return this.#server.demand(`bash ${rootFolder}/steps/export.sh facts`);
  }

  async unmount() {
    return this.#client.step(this.#mount as Made, "delete");
  }

  async withdraw() {
    return this.#server.step(this.#export as Made, "delete");
  }
}
