import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { script } from "../machine/script.ts";
import { scriptText } from "../machine/script-text.ts";
import type { Step } from "../machine/step.ts";
import { template } from "../machine/template.ts";
import { forward } from "./forward.ts";
import type { Host } from "./host.ts";

/** For whom a web console is. */
export interface WebConsoleArgs {
  /** The host that it shows. */
  readonly host: Host;
  /** Absolute path of what the embedded host's libvirtd sees as /run. Defaults to none: systemd starts the console. */
  readonly sandboxRun?: string | undefined;
  /** As whom and where a person logs in to this host by ssh: `user@host`. */
  readonly login: string;
}

/** How a person opens the web console. */
export interface WebConsoleAccess {
  /** What a browser on the host opens. */
  readonly address: pulumi.Output<string>;
  /** The name to log in by. */
  readonly user: string;
  /** Secret. Undefined if it is that of the user's account. */
  readonly password: pulumi.Output<string> | undefined;
  /** What makes the address that of another machine's browser, too, if it is typed there. */
  readonly forwardCommand: pulumi.Output<string>;
}

/** Cockpit's own, and those after it for other stacks of the embedded host. */
const ports = Array.from({ length: 10 }, (_, index) => 9090 + index);

/** The account of Debian's cockpit-ws: it has no rights, and no files. */
const account = "cockpit-wsinstance";

/**
 * Cockpit with its page of virtual machines: where the guests are, how they do, and their consoles, in a browser. It
 * listens on loopback alone, and asks who comes.
 *
 * Source: guide, step 2, whose Kimchi and Wok it takes the place of. Errors: a port that is taken, by whom.
 */
export class WebConsole extends pulumi.ComponentResource {
  /** How a person opens it. */
  readonly access: WebConsoleAccess;

  constructor(name: string, args: WebConsoleArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:host:WebConsole", name, {}, opts);
    const { host, sandboxRun, login } = args;
    // Pulumi hands what a component depends on to none of its children.
    const step = { parent: this, dependsOn: opts?.dependsOn ?? [] };
    this.access =
      sandboxRun === undefined
        ? ofSystem(host.root.step(name, systemStep(host), step), login)
        : ofSandbox(host.root.step(name, sandboxStep(host, sandboxRun), step), login);
    this.registerOutputs({ address: this.access.address });
  }
}

function systemStep(host: Host) {
  return {
    title: "open the web console",
    script: script(import.meta.url, "web-console-socket.sh", {
      packages: ["cockpit", "cockpit-machines"],
      drop_in: "/etc/systemd/system/cockpit.socket.d/duet.conf",
      certificates: "/etc/cockpit/ws-certs.d",
      port: ports[0],
      leases: `${host.leases}/web-console`,
      owner: host.owner,
      fetch_namespace: host.fetchNamespace,
    }),
  };
}

function ofSystem(step: Step, login: string): WebConsoleAccess {
  const address = step.result("address");
  const forwardCommand = address.apply((known) => forward(new URL(known).host, login));
  return { address, user: login.slice(0, login.indexOf("@")), password: undefined, forwardCommand };
}

function sandboxStep(host: Host, run: string) {
  const state = `${host.stateFolder}/web-console`;
  // A unix socket's path is short.
  const part = `web-console/${createHash("sha256").update(host.stack).digest("hex").slice(0, 8)}`;
  const place = `/run/${part}`;
  return {
    title: "open the web console",
    script: script(import.meta.url, "web-console.sh", {
      state,
      run,
      folder: `${run}/${part}`,
      place,
      ports,
      namespace: host.fetchNamespace,
      server: "/usr/lib/cockpit/cockpit-ws",
      account,
      configuration: template(import.meta.url, "web-console.conf", { stack: host.stack, place }),
      banner: `Log in as root, with the password that this prints:\npulumi stack output webConsole --show-secrets --stack ${host.stack}`,
      session: scriptText(import.meta.url, "web-console-session.sh", {
        password: `${state}/password`,
        bus: `${place}/bus.conf`,
      }),
      bus: template(import.meta.url, "web-console-bus.conf", { place }),
      service: template(import.meta.url, "web-console-libvirt.service"),
      leases: `${host.leases}/web-console`,
      owner: host.owner,
    }),
    secretOutput: true,
  };
}

function ofSandbox(step: Step, login: string): WebConsoleAccess {
  // The port is no secret.
  const port = pulumi.unsecret(step.result("port"));
  return {
    address: pulumi.interpolate`http://127.0.0.1:${port}`,
    user: "root",
    password: pulumi.secret(step.result("password")),
    forwardCommand: port.apply((known) => forward(`127.0.0.1:${known}`, login)),
  };
}
