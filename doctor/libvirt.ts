import { startLibvirt } from "../launcher/start-libvirt.ts";
import { type Finding, note, ok, stop } from "./finding.ts";
import type { Probe } from "./probe.ts";

/** The groups that reach libvirt and KVM: those of the person's account, and of this session. */
export function groups(probe: Probe): readonly Finding[] {
  if (probe.user.uid === 0) {
    return [];
  }
  const of = (...words: readonly string[]) => (probe.run("id", "-nG", ...words) ?? "").trim().split(" ");
  const [account, session] = [of(probe.user.name), of()];
  return ["libvirt", "kvm"].map((group) => {
    if (session.includes(group)) {
      return ok("groups", `you are in ${group}`);
    }
    return account.includes(group)
      ? note("groups", `you are in ${group} from the next login on; log in again`)
      : note("groups", `you are not in ${group}; \`up\` has you join it`);
  });
}

/** Where the system's libvirt listens, whole or in parts. Source: libvirt's "Daemons". */
const sockets = { whole: "/run/libvirt/libvirt-sock", part: "/run/libvirt/virtqemud-sock" };

export function libvirt(probe: Probe, uri: string): Finding {
  if (!uri.startsWith("qemu:///system")) {
    return stop("libvirt", `${uri} is not this host's own, on which steps and stubs are; take qemu:///system`);
  }
  const is = (file: string, kind = "socket") => probe.run("stat", "-c", "%F", file)?.trim() === kind;
  const start = (isModular: boolean) => startLibvirt(isModular, (path) => is(path, "directory"));
  if (probe.run("virsh", "--version") === undefined) {
    return note("libvirt", "it is not installed; `up` installs it");
  }
  if (is(sockets.whole)) {
    return (probe.run("virsh", "-q", "-c", uri, "uri") ?? "").trim() === uri
      ? ok("libvirt", `it answers at ${uri}`)
      : note("libvirt", `it does not answer you at ${uri}; see the groups above, or restart libvirtd`);
  }
  return is(sockets.part)
    ? stop("libvirt", `it listens in parts only; do as root: ${start(true)}`)
    : stop("libvirt", `it does not listen; do as root: ${start(false)}`);
}

/** What confines guests. Duet names each file of a guest in its definition, which is what AppArmor goes by. */
export function confinement(probe: Probe): Finding {
  if (probe.read("/sys/fs/selinux/enforce")?.trim() === "1") {
    return note(
      "SELinux",
      "it is enforced, and Duet was never run with that; if a guest does not start, see ausearch -m avc",
    );
  }
  return isConfined(probe)
    ? ok("AppArmor", "it is on, and lets guests have their own files")
    : ok("AppArmor", "it is off");
}

const isConfined = (probe: Probe): boolean => probe.read("/sys/module/apparmor/parameters/enabled")?.trim() === "Y";

/** What AppArmor has to let QEMU make, and where that is said. Source: the abstraction libvirt-qemu of libvirt's. */
const socketRule = "/var/lib/duet/stubs/** rw,";
const localRules = "/etc/apparmor.d/local/abstractions/libvirt-qemu";

/** Who can attach to a stub: a port of loopback has no owner, and a socket has. */
export function stub(probe: Probe, kind: "port" | "socket"): Finding {
  if (kind === "socket") {
    return isConfined(probe) && !(probe.read(localRules) ?? "").includes(socketRule)
      ? stop("stub", `AppArmor keeps QEMU from its gdb socket; put the line ${socketRule} into ${localRules}`)
      : ok("stub", "it is a socket that only you and QEMU reach");
  }
  const others = (probe.read("/etc/passwd") ?? "")
    .split("\n")
    .map((line) => line.split(":"))
    .filter(([, , uid = "", , , , shell = ""]) => Number(uid) >= 1000 && Number(uid) < 60000 && /sh$/.test(shell))
    .filter(([, , uid]) => Number(uid) !== probe.user.uid);
  return others.length > 0
    ? note(
        "stub",
        `${others.length} besides you have accounts here, and can attach to a stub that is a port of loopback; ` +
          "duet:host: { stub: socket } keeps it to you",
      )
    : ok("stub", "nobody else has an account here who could attach to it");
}
