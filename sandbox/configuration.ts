import { createHash } from "node:crypto";
import { scriptText } from "../components/machine/script-text.ts";
import { template } from "../components/machine/template.ts";
import type { Accelerator } from "./accelerator.ts";
import type { SandboxPaths } from "./paths.ts";

/** libvirtd's own configuration. The host's UUID follows from the sandbox's state folder. */
export function libvirtdConfiguration(paths: SandboxPaths): string {
  const hex = createHash("sha256").update(paths.state).digest("hex");
  const uuid = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)];
  return template(import.meta.url, "libvirtd.conf", { host_uuid: uuid.join("-") });
}

/** The QEMU driver's configuration. */
export function qemuConfiguration(): string {
  return template(import.meta.url, "qemu.conf");
}

/** Bash that turns a fresh mount namespace into the sandbox's view of the machine, and becomes the command after it. */
export function enterSandbox(paths: SandboxPaths, chosen: Accelerator, command: readonly string[]): string {
  const { mark, runDirectory, etc, lib, cache, log, run } = paths;
  return scriptText(import.meta.url, "enter.sh", {
    mark,
    dev: `${runDirectory}/dev`,
    kvm: chosen === "kvm" ? "yes" : "",
    etc,
    lib,
    cache,
    log,
    run,
    command,
  });
}
