import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** An ssh server of the tests' own: on 127.0.0.1 only, with its own keys, configuration and root password. */
export interface SshServer {
  readonly port: number;
  /** Its host key, as in authorized_keys: the first where it has several. */
  readonly hostKey: string;
  /** All of its host keys. */
  readonly hostKeys: readonly string[];
  /** A private key that it lets in as root. */
  readonly privateKey: string;
  /** The same, under the passphrase `open sesame`. */
  readonly encryptedKey: string;
  /** The password of root, on this server only. */
  readonly password: string;
  /** The server's log so far. */
  log(): string;
  stop(): Promise<void>;
}

/** A port of 127.0.0.1 that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("a server of 127.0.0.1 has no port");
  return address.port;
}

/**
 * Starts a server that keeps its files in `directory`, with a host key of each type. Needs root and openssh-server.
 *
 * Root's password is set in a mount namespace that only this server sees: /etc/shadow of the machine is not touched.
 */
export async function startSshServer(directory: string, types: readonly string[] = ["ed25519"]): Promise<SshServer> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  const file = (name: string) => join(directory, name);
  const keygen = (name: string, passphrase = "", type = "ed25519") =>
    execFileSync("ssh-keygen", ["-q", "-t", type, "-C", name, "-N", passphrase, "-f", file(name)]);
  const hosts = types.map((type) => `host-${type}`);
  for (const type of types) keygen(`host-${type}`, "", type);
  keygen("client");
  keygen("encrypted", "open sesame");
  writeFileSync(file("authorized"), ["client", "encrypted"].map((name) => readFileSync(file(`${name}.pub`))).join(""));
  const password = "pass-word-of-the-test";
  const hash = execFileSync("openssl", ["passwd", "-6", password], { encoding: "utf8" }).trim();
  writeFileSync(
    file("shadow"),
    readFileSync("/etc/shadow", "utf8").replace(/^root:[^:]*:.*$/m, `root:${hash}:19000:0:99999:7:::`),
    { mode: 0o600 },
  );
  const port = await freePort();
  writeFileSync(
    file("config"),
    [
      "ListenAddress 127.0.0.1",
      `Port ${port}`,
      ...hosts.map((host) => `HostKey ${file(host)}`),
      `AuthorizedKeysFile ${file("authorized")}`,
      "PermitRootLogin yes",
      "PasswordAuthentication yes",
      "UsePAM no",
      "StrictModes no",
      "PidFile none",
      "LogLevel VERBOSE",
      "AcceptEnv ACCEPTED PULUMI_COMMAND_*",
      "Subsystem sftp internal-sftp",
      "",
    ].join("\n"),
  );
  const script = 'mount --bind "$1" /etc/shadow && exec /usr/sbin/sshd -D -f "$2" -E "$3"';
  const server: ChildProcess = spawn(
    "unshare",
    ["--mount", "sh", "-c", script, "sshd", file("shadow"), file("config"), file("log")],
    { stdio: "inherit" },
  );
  const closed = once(server, "close");
  const log = () => {
    try {
      return readFileSync(file("log"), "utf8");
    } catch {
      return "";
    }
  };
  for (let attempt = 0; !(await answers(port)); attempt++) {
    if (attempt > 100 || server.exitCode !== null) throw new Error(`sshd does not answer on port ${port}: ${log()}`);
    await sleep(50);
  }
  const hostKeys = hosts.map((host) => readFileSync(file(`${host}.pub`), "utf8").trim());
  return {
    port,
    hostKey: hostKeys[0] ?? "",
    hostKeys,
    privateKey: readFileSync(file("client"), "utf8"),
    encryptedKey: readFileSync(file("encrypted"), "utf8"),
    password,
    log,
    async stop() {
      server.kill("SIGTERM");
      await closed;
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => socket.destroy() && resolve(true)).once("error", () => resolve(false));
  });
}
