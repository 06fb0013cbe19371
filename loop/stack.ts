import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { guestId, moduleBuildStep } from "../components/names.ts";
import { kernelFor } from "../components/spec-kernel.ts";
import { folders, stackFolder } from "../launcher/environment.ts";
import { keptSteps } from "../launcher/kept-steps.ts";
import { project } from "../launcher/project.ts";
import { readSpec } from "../launcher/read-spec.ts";
import { inside } from "../sandbox/host.ts";
import { sandboxPathsFrom } from "../sandbox/paths.ts";
import { UserError } from "../sandbox/report.ts";
import type { MachineStep } from "./step.ts";

/** A guest into which the module is loaded. */
export interface LoopGuest {
  readonly name: string;
  readonly load: MachineStep;
  /** gdb's proof, which has gdb's commands read the new symbols. */
  readonly prove: MachineStep;
}

/** What the loop knows of a stack that stands: its steps, in the order in which they depend on each other. */
export interface LoopStack {
  readonly name: string;
  /** Absolute path of the stack's folder in the state. */
  readonly folder: string;
  /** Absolute paths of the folders in which the module is edited. */
  readonly trees: readonly string[];
  readonly source: MachineStep;
  /** The facts of the source as they were when it was last brought, which `up` goes by. */
  readonly sourceRecord: SourceRecord;
  /** The module's builds, one for each kernel. */
  readonly builds: readonly LoopBuild[];
}

/** A build of the module, and the guests into which it is loaded. */
export interface LoopBuild {
  readonly build: MachineStep;
  readonly guests: readonly LoopGuest[];
}

/** A file that is there if what the sources are is also what is loaded. */
export interface SourceRecord {
  read(): string | undefined;
  write(text: string): void;
  forget(): void;
}

/** Where a guest keeps its steps: components/guest/virtual-machine.ts. */
const guestSteps = "/var/lib/duet/steps";

/**
 * Finds the steps of the module of a stack.
 *
 * @param spec path of its spec
 * @param environment such as process.env
 * @throws UserError if the stack does not stand, or its spec has problems
 */
export function loopStack(name: string, spec: string, environment: NodeJS.ProcessEnv): LoopStack {
  if (!existsSync(spec)) {
    throw new UserError(`cannot find the spec of stack ${name}: there is no ${relative(process.cwd(), spec)}`);
  }
  const { host, sources, vms, kernels } = readSpec(spec);
  const folder = stackFolder(folders(environment).state, name);
  const kept = new Map(keptSteps(folder).map((step) => [step.name, step.file]));
  const sourceFile = kept.get("module-source");
  if (sourceFile === undefined) {
    throw new UserError(`cannot watch the module of stack ${name}: it has not come up; run pulumi up first`);
  }
  const enter = host.sandbox ? inside(sandboxPathsFrom(environment), []) : [];
  const onHost = (what: string, file: string): MachineStep => ({
    what,
    // What happens to the terminal, or to this process, is not the step's to die of.
    bash: [...enter, "setpriv", "--pdeathsig", "TERM", "setsid", "bash"],
    file,
  });
  const inGuest = (what: string, guest: string, step: string): MachineStep => ({
    what,
    bash: [...enter, "ssh", "-F", join(folder, guestId(guest), "ssh_config"), guest, "bash"],
    file: `${guestSteps}/${step}.sh`,
  });
  const builds = kernels.map((kernel): LoopBuild => {
    const guests = vms.flatMap((vm) => (kernelFor(vm, kernels) === kernel ? [vm.name] : []));
    const [first = ""] = guests;
    const step = moduleBuildStep(kernel.name);
    const what = kernel.name === undefined ? "build the module" : `build the module for kernel ${kernel.name}`;
    const file = kept.get(step);
    return {
      build: file === undefined ? inGuest(`${what} in ${first}`, first, step) : onHost(what, file),
      guests: guests.map((guest) => ({
        name: guest,
        load: inGuest(`load the module in ${guest}`, guest, `module-${guestId(guest)}`),
        prove: onHost(`prove ${guest} debuggable`, join(folder, "steps", `${guestId(guest)}-debug.sh`)),
      })),
    };
  });
  const { module } = sources;
  const tree = "tree" in module ? module.tree : join(sources.directory, "duet-module");
  return {
    name,
    folder,
    trees: [tree, ...("copy" in module ? [resolve(project, module.copy)] : [])],
    source: onHost("bring the sources", sourceFile),
    sourceRecord: recordAt(sourceFile.replace(/\.sh$/, "")),
    builds,
  };
}

function recordAt(file: string): SourceRecord {
  return {
    read: () => (existsSync(file) ? readFileSync(file, "utf8") : undefined),
    write: (text) => writeFileSync(file, text),
    forget: () => rmSync(file, { force: true }),
  };
}
