import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import type { SandboxPaths } from "./paths.ts";
import { isNamespace, run } from "./processes.ts";

const namespaces = "/run/netns";
/** There while /run/netns itself is ours to remove. */
const namespacesMark = "/run/duet.netns";
/** Source: RFC 4193, unique local addresses; it is on the loopback of the namespace, and nothing is sent to it. */
const loopbackAddress = "fd64:7565:7400::1/128";

/** Where `ip netns` keeps a network namespace. */
export function namespaceFile(name: string): string {
  return `${namespaces}/${name}`;
}

/** Whether a network namespace is there, by the names of the sandbox's two: its own, and the one around it. */
export function namespacesOf({ namespace, outerNamespace }: SandboxPaths): { name: string; up: boolean }[] {
  return [namespace, outerNamespace].map((name) => ({ name, up: isNamespace(namespaceFile(name)) }));
}

/** Makes what is missing of the sandbox's two namespaces. */
export function makeNamespaces(paths: SandboxPaths): void {
  if (!existsSync(namespaces)) {
    writeFileSync(namespacesMark, "");
  }
  for (const { name } of namespacesOf(paths).filter(({ up }) => !up)) {
    rmSync(namespaceFile(name), { force: true });
    const words = name === paths.namespace ? ["add", name] : ["attach", name, `${process.pid}`];
    run("ip", ["netns", ...words], `make the network namespace ${name}`);
  }
}

/** Brings up the loopback of the sandbox's namespace. */
export function bringLoopbackUp({ namespace }: SandboxPaths): void {
  run("ip", ["-n", namespace, "link", "set", "lo", "up"], "bring up the loopback of the namespace");
  // Without any IPv6 address, if IPv6 is on, nfs-ganesha listens on every address and not on the bridge alone.
  if (existsSync("/proc/net/if_inet6")) {
    const words = ["-n", namespace, "-6", "address", "replace", loopbackAddress, "dev", "lo"];
    run("ip", words, "give the namespace an IPv6 address");
  }
}

export function removeNamespaces({ namespace, outerNamespace }: SandboxPaths): void {
  for (const name of [namespace, outerNamespace].filter((name) => existsSync(namespaceFile(name)))) {
    run("ip", ["netns", "delete", name], `remove the network namespace ${name}`);
  }
  const isEmpty = !existsSync(namespaces) || readdirSync(namespaces).length === 0;
  if (existsSync(namespacesMark) && isEmpty) {
    spawnSync("umount", ["-n", namespaces], { stdio: "ignore" });
    rmSync(namespaces, { recursive: true, force: true });
    unlinkSync(namespacesMark);
  }
}
