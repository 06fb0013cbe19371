import * as pulumi from "@pulumi/pulumi";
import { checksumFact } from "../machine/checksum.ts";
import type { Machine, SshConnection } from "../machine/machine.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";

export interface AccessArgs {
  readonly host: Machine;
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
export function sshConfig(guest: string, address: string, folder: string): string {
  const shared = `${folder}/ssh.socket`;
  return [
    `Host ${guest}`,
    `  HostName ${address}`,
    "  User root",
    `  IdentityFile "${folder}/client"`,
    "  IdentitiesOnly yes",
    `  UserKnownHostsFile "${folder}/known_hosts"`,
    "  GlobalKnownHostsFile none",
    "  StrictHostKeyChecking yes",
    `  HostKeyAlias ${guest}`,
    "  ConnectTimeout 15",
    "  ServerAliveInterval 5",
    "  ServerAliveCountMax 3",
    "  LogLevel ERROR",
    ...(shared.length <= longestSocketPath
      ? ["  ControlMaster auto", `  ControlPath "${shared}"`, "  ControlPersist 120"]
      : []),
    "",
  ].join("\n");
}

/** Makes the keys where they are missing, writes the ssh configuration, and prints all four keys as JSON. */
export function accessScript(guest: string, address: string, folder: string): Shell {
  const file = (name: string) => `${folder}/${name}`;
  const key = (name: string) =>
    sh`[ -s ${file(name)} ] || ssh-keygen -q -t ed25519 -N '' -C ${`duet ${guest}`} -f ${file(name)}`;
  return lines(
    sh`umask 077; install -d -m 700 -- ${folder}`,
    key("client"),
    key("host"),
    sh`printf '%s %s\n' ${guest} "$(cut -d' ' -f1,2 ${file("host.pub")})" >${file("known_hosts")}`,
    sh`printf '%s' ${sshConfig(guest, address, folder)} >${file("ssh_config")}`,
    sh`for name in client client.pub host host.pub; do base64 -w0 ${folder}/$name; echo; done`,
  );
}

/** Checksums of what `accessScript` writes. */
export function accessFacts(folder: string): Shell {
  return sh`cd ${folder} && for name in client client.pub host host.pub known_hosts ssh_config; do
  ${checksumFact(sh`"$name"`, sh`"$name"`)}; done`;
}

/** Takes apart what `accessScript` printed. */
export function parseKeys(output: string): Keys {
  const [client, clientPublic, host, hostPublic] = output
    .split("\n")
    .map((line) => Buffer.from(line, "base64").toString("utf8"));
  if (!client || !clientPublic || !host || !hostPublic) {
    throw new pulumi.RunError("the keys of a guest were asked for, and are incomplete: run `pulumi up` again");
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
  /** Words of the ssh command that reaches it; a command for the guest may follow. */
  readonly ssh: pulumi.Output<readonly string[]>;
  /** The same words, known before the files are there. */
  readonly words: readonly string[];

  constructor(name: string, args: AccessArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:guest:Access", name, {}, opts);
    const step = args.host.step(
      name,
      {
        title: `make the ssh keys of ${args.guest}`,
        create: pulumi.output(args.address).apply((address) => accessScript(args.guest, address, args.folder)),
        facts: accessFacts(args.folder),
        delete: sh`rm -rf -- ${args.folder}`,
        secretOutput: true,
      },
      { parent: this },
    );
    this.words = ["ssh", "-F", `${args.folder}/ssh_config`, args.guest];
    this.keys = pulumi.secret(step.stdout.apply(parseKeys));
    // The words are no secret, but they are of use only once the files are there.
    this.ssh = pulumi.unsecret(step.stdout.apply(() => this.words));
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
