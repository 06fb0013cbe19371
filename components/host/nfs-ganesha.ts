import { checksumFact } from "../machine/checksum.ts";
import { fail } from "../machine/result.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";
import { type NfsShare, requireAddress, requirePath } from "./nfs-share.ts";

/**
 * Configuration of one stack's nfs-ganesha: NFSv4 over TCP on one address, one directory under its own path, for
 * single addresses, with root squashed. No port mapper, no DBus, no Kerberos; nobody waits for a grace period.
 *
 * Source: ganesha-core-config(8), ganesha-export-config(8).
 *
 * @throws where an address or a path would say more to nfs-ganesha than what it is
 */
export function ganeshaConfiguration(share: NfsShare, folder: string): string {
  const directory = requirePath(share.directory);
  const clients = share.clients.map(
    (client) =>
      `  CLIENT { Clients = ${requireAddress(client)}; Access_Type = RW; Squash = Root_Squash; SecType = sys; }`,
  );
  return `${[
    "NFS_CORE_PARAM {",
    `  Bind_addr = ${requireAddress(share.address)};`,
    "  NFS_Port = 2049;",
    "  Protocols = 4;",
    "  Enable_NLM = false;",
    "  Enable_RQUOTA = false;",
    "  Enable_UDP = false;",
    "}",
    "NFS_KRB5 { Active_krb5 = false; }",
    "NFSV4 {",
    "  Graceless = true;",
    "  RecoveryBackend = fs;",
    `  RecoveryRoot = "${requirePath(folder)}/recovery";`,
    "  Minor_Versions = 1, 2;",
    "  Only_Numeric_Owners = true;",
    "}",
    "EXPORT {",
    "  Export_Id = 1;",
    `  Path = "${directory}";`,
    `  Pseudo = "${directory}";`,
    "  Protocols = 4;",
    "  Transports = TCP;",
    "  SecType = sys;",
    "  Access_Type = None;",
    "  Squash = Root_Squash;",
    // What is edited on the host goes past the server, which would tell the guest's make of it a minute later.
    "  Attr_Expiration_Time = 0;",
    "  FSAL { Name = VFS; }",
    ...clients,
    "}",
  ].join("\n")}\n`;
}

function files(folder: string) {
  return { configuration: `${folder}/ganesha.conf`, pid: `${folder}/ganesha.pid`, log: `${folder}/ganesha.log` };
}

/** Defines `running`: whether the nfs-ganesha of that folder runs, and in this network; sets `pid` to it. */
function defineRunning(folder: string): Shell {
  const { configuration, pid } = files(folder);
  return sh`running() {
  pid=$(cat ${pid} 2>/dev/null) && [ -n "$pid" ] &&
    [ "$(readlink "/proc/$pid/ns/net")" = "$(readlink /proc/self/ns/net)" ] &&
    tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qxF -e ${configuration}
}`;
}

/** Defines `sockets`: where the nfs-ganesha of that folder listens, a line each. Needs `running`. */
const defineSockets = sh`sockets() { running && ss -Hltnp 'sport = :2049' | grep -F -e "pid=$pid," || true; }`;

/** Ends the nfs-ganesha of the folder, whose pid is in its pid file, and no other. Needs `running`. */
function endServer(folder: string): Shell {
  return sh`if running; then
  kill "$pid"
  for _ in $(seq 100); do running || break; sleep 0.1; done
  ! running || kill -KILL "$pid"
fi
rm -f -- ${files(folder).pid}`;
}

/** Starts the stack's nfs-ganesha, or starts it anew where its configuration has changed. Does nothing else. */
export function startGanesha(share: NfsShare, folder: string): Shell {
  const { configuration, pid, log } = files(folder);
  const fresh = `${configuration}.new`;
  const listening = sh`ss -Hltn ${`src ${share.address} sport = :2049`} | grep -q .`;
  const words = ["-f", configuration, "-p", pid, "-L", log, "-N", "NIV_EVENT"];
  return lines(
    sh`command -v ganesha.nfsd >/dev/null || ${fail(sh`'the sources are to be served by nfs-ganesha, which is not installed: apt-get install nfs-ganesha nfs-ganesha-vfs'`)}`,
    sh`install -d -m 700 -- ${folder} ${`${folder}/recovery`}`,
    defineRunning(folder),
    defineSockets,
    sh`printf '%s' ${ganeshaConfiguration(share, folder)} >${fresh}`,
    sh`if ! running || ! cmp -s -- ${fresh} ${configuration}; then`,
    endServer(folder),
    sh`mv -- ${fresh} ${configuration}`,
    sh`if ${listening}; then ${fail(sh`${`port 2049 of ${share.address} is to serve the sources, and another process listens there: `}"$(ss -Hltnp ${`src ${share.address} sport = :2049`} | grep -o 'users:.*')"`)}; fi`,
    sh`: >${log}`,
    // Without a bus of its own it would take the name that the system's nfs-ganesha has there.
    sh`DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent setsid ganesha.nfsd ${words} </dev/null >/dev/null 2>&1 9>&-`,
    sh`for _ in $(seq 300); do if [ -n "$(sockets)" ]; then break; fi; sleep 0.1; done`,
    // Where IPv6 is on, and no link has an address of it, nfs-ganesha 4 drops what Bind_addr says, without a word.
    sh`if [ -n "$(sockets)" ] && ! ${listening}; then`,
    endServer(folder),
    fail(
      sh`${`nfs-ganesha is to listen on ${share.address}:2049 and nowhere else, and came up on every address, so it is ended: this network has IPv6 without an address; give it one, or turn it off`}`,
    ),
    sh`fi`,
    sh`${listening} || ${fail(sh`${`nfs-ganesha is to listen on ${share.address}:2049, and does not after 30 s; its log ${log} ends: `}"$(tail -n 2 ${log})"`)}`,
    sh`fi`,
    sh`rm -f -- ${fresh}`,
    sh`printf '%s\n' ${`${share.address}:${share.directory}`}`,
  );
}

/** Whether the server runs, where it listens, and what it was told. */
export function ganeshaFacts(folder: string): Shell {
  return lines(
    defineRunning(folder),
    sh`if running; then echo 'NFS server: nfs-ganesha'; else echo 'NFS server: none'; fi`,
    sh`printf 'NFS listens on: %s\n' "$(ss -Hltn 'sport = :2049' | awk '{ print $4 }' | sort | tr '\n' ' ')"`,
    checksumFact("NFS exports", files(folder).configuration),
  );
}

/** Ends the server and removes all that it has. */
export function stopGanesha(folder: string): Shell {
  return lines(defineRunning(folder), endServer(folder), sh`rm -rf -- ${folder}`);
}
