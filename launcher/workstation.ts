import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { hypervisorPackages } from "../components/host/package-lists.ts";
import { missingPackages } from "../sandbox/packages.ts";
import { UserError } from "../sandbox/report.ts";
import { ask, backendFolder, type Pulumi, pulumiEnvironment, readCheckpoint } from "./backend.ts";
import { type Call, runMark } from "./call.ts";
import { project } from "./project.ts";
import type { Deployment } from "./repair/deployment.ts";
import { runVariable } from "./repair/leftovers.ts";
import { virsh } from "./repair/virsh.ts";
import { run } from "./run.ts";
import type { StackHost } from "./stack-host.ts";
import { giveBack } from "./state.ts";
import { type Daemon, watchLibvirt } from "./watch.ts";

/** The system's libvirtd, or the part of the modular one that has QEMU's domains. */
const daemons: readonly Daemon[] = [
  { file: "/run/libvirtd.pid", name: "libvirtd" },
  { file: "/run/virtqemud.pid", name: "virtqemud" },
];

/** This machine's own libvirt, with the user's own backend. */
export async function workstation(call: Call, uri: string): Promise<StackHost> {
  const { state, stack, words, directory } = call;
  const toolchain = await call.toolchain();
  const environment = {
    ...pulumiEnvironment(toolchain),
    PULUMI_STACK: call.qualifiedStack,
    [runVariable]: runMark(call),
  };
  const pulumi: Pulumi = { program: toolchain.pulumi, directory: project, environment };
  const backend = backendFolder(process.env.PULUMI_BACKEND_URL, toolchain.home, homedir());
  return {
    uri,
    enter: [],
    isShared: true,
    images: uri.startsWith("qemu:///system") ? "/var/lib/libvirt/images" : undefined,
    backend,
    pulumi: async () => pulumi,
    prepare: async () => {
      requireLibvirt(uri, call.invocation.command === "up");
      return [];
    },
    deployment: () => (backend && readCheckpoint(backend, stack)) || exported(pulumi),
    isThere: () => true,
    // Of another machine's libvirt, or a session's, nothing is known here.
    watch: () => watchLibvirt(uri.startsWith("qemu:///system") ? daemons : [], "ends when idle"),
    end: () => giveBack(state, stack),
    onState: () => run([pulumi.program, ...words], { environment, directory }),
    look: (work) => work(),
  };
}

function exported(pulumi: Pulumi): Deployment | undefined {
  const text = ask(pulumi, ["stack", "export"]);
  return text === undefined ? undefined : JSON.parse(text).deployment;
}

/**
 * Makes sure that this machine's own libvirt answers, if it is there. If it is not, or an apt that was cut off has left
 * a part of it, `up` installs it: the first step.
 *
 * @throws UserError which says what to do
 */
function requireLibvirt(uri: string, installs: boolean): void {
  if (!uri.startsWith("qemu:///")) {
    return;
  }
  const answer = virsh(uri, ["uri"]);
  if (answer === undefined && !installs) {
    throw new UserError(`cannot look at libvirt at ${uri}: virsh is not installed; \`up\` installs it`);
  }
  if (answer !== undefined && answer.status !== 0 && !(installs && lacksLibvirt())) {
    const why = answer.stderr
      .split("\n")
      .at(-1)
      ?.replace(/^error: /, "");
    throw new UserError(`cannot reach libvirt at ${uri}: ${why}; start it: systemctl start libvirtd`);
  }
}

/** Whether packages of libvirt are missing, or not installed to the end, if dpkg is what installs them here. */
function lacksLibvirt(): boolean {
  return existsSync("/var/lib/dpkg/status") && missingPackages(hypervisorPackages).length > 0;
}
