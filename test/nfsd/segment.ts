import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { scriptText } from "../../components/machine/script-text.ts";

/** The place of a guest on the segment. */
export interface Seat {
  /** Name of the guest, and of its tap. */
  readonly name: string;
  readonly address: string;
  /** MAC address of its card. */
  readonly mac: string;
}

/**
 * An Ethernet segment in a network namespace of its own, which has no name: it goes with the last process that is in it,
 * and its server ends with this process, however that ends.
 */
export class Segment {
  readonly #server: ChildProcess;

  /** @param subnet the first three numbers of its addresses, as "192.168.77" */
  static async make(subnet: string, seats: readonly Seat[]): Promise<Segment> {
    const script = scriptText(import.meta.url, "segment.sh", {
      subnet,
      bridge: "bridge",
      taps: seats.map(({ name }) => name),
      leases: seats.map(({ mac, address }) => `${mac},${address},infinite`),
    });
    const server = spawn("setpriv", ["--pdeathsig", "KILL", "unshare", "--net", "bash", "-c", script], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    await new Promise<void>((resolve, reject) => {
      server.on("error", reject);
      server.on("close", () => reject(new Error(`the segment was not made: ${said}`)));
      server.stderr?.on("data", (data) => {
        said += data;
        if (/^dnsmasq: started/m.test(said)) {
          resolve();
        }
      });
    });
    return new Segment(server);
  }

  private constructor(server: ChildProcess) {
    this.#server = server;
  }

  /** Words that run others in it, and become them. */
  get enter(): readonly string[] {
    return ["nsenter", `--net=/proc/${this.#server.pid}/ns/net`];
  }

  async remove(): Promise<void> {
    const ended = once(this.#server, "exit");
    if (this.#server.exitCode === null && this.#server.kill("SIGKILL")) {
      await ended;
    }
  }
}
