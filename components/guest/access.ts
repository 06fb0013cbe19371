import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../host/host.ts";
import type { SshConnection } from "../machine/machine.ts";
import { script } from "../machine/script.ts";
import { template } from "../machine/template.ts";

export interface AccessArgs {
  readonly host: Host;
  /** Name of the guest, the one that ssh is given. */
  readonly guest: string;
  /** Its address. */
  readonly address: pulumi.Input<string>;
  /** Absolute path of the guest's own folder in the state of the stack, 0700. */
  readonly folder: string;
}

interface Keys {
  readonly client: string;
  readonly clientPublic: string;
  readonly host: string;
  readonly hostPublic: string;
}

/** The longest path that a unix socket may have, less what ssh appends while it makes one. Source: unix(7). */
const longestSocketPath = 107 - 17;

/** ssh_config(5) of a guest: its own keys, its pinned host key, and one connection that later commands share. */
function sshConfig(guest: string, address: string, folder: string): string {
  const shared = `${folder}/ssh.socket`;
  return [
    template(import.meta.url, "ssh_config", { guest, address, folder }).trimEnd(),
    ...(shared.length <= longestSocketPath
      ? ["  ControlMaster auto", `  ControlPath "${shared}"`, "  ControlPersist 120"]
      : []),
    "",
  ].join("\n");
}

/** Takes apart what the step printed. */
function parseKeys(output: string): Keys {
  const [client, clientPublic, host, hostPublic] = output
    .split("\n")
    .map((line) => Buffer.from(line, "base64").toString("utf8"));
  if (!client || !clientPublic || !host || !hostPublic) {
    throw new pulumi.RunError("cannot read the keys of a guest: they are incomplete; run `pulumi up` again");
  }
  return { client, clientPublic: clientPublic.trim(), host, hostPublic: hostPublic.trim() };
}

/**
 * The keys of one guest, both sides, made before the guest is: so its host key is pinned before it first boots, and
 * nothing is trusted on first use.
 */
export class Access extends pulumi.ComponentResource {
  /** What the guest is given at its first boot. Secret. */
  readonly keys: pulumi.Output<Keys>;
  /** How steps reach the guest. */
  readonly connection: SshConnection;
  /** Words of the ssh command that reaches it, known once its files are there; a command for the guest may follow. */
  readonly ssh: pulumi.Output<readonly string[]>;

  constructor(name: string, args: AccessArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:guest:Access", name, {}, opts);
    const { host, guest, folder } = args;
    const config = pulumi.output(args.address).apply((address) => sshConfig(guest, address, folder));
    const step = host.step(
      name,
      {
        title: `make the ssh keys of ${guest}`,
        script: script(import.meta.url, "access.sh", { folder, guest, config }),
        secretOutput: true,
      },
      { parent: this },
    );
    this.keys = pulumi.secret(step.stdout.apply(parseKeys));
    // The words are no secret.
    this.ssh = pulumi.unsecret(step.stdout.apply(() => ["ssh", "-F", `${folder}/ssh_config`, guest]));
    this.connection = {
      host: args.address,
      user: "root",
      privateKey: this.keys.client,
      hostKey: this.keys.hostPublic,
      command: this.ssh,
    };
    this.registerOutputs({ ssh: this.ssh });
  }
}
