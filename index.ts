import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { DuetEnvironment, onThisMachine, type SpecInput, valuesOf } from "./library.ts";

const project = import.meta.dirname;
// What a file says may be anything: it is checked.
const asked = valuesOf(pulumi.runtime.allConfig()) as SpecInput;
const { spec, site } = onThisMachine(asked, project);
const environment = new DuetEnvironment("duet", { spec, site: { ...site, command: [join(project, "bin/duetctl")] } });

/** For each guest: name, address, stub, gdbPort, kernelRelease, sshCommand and gdbCommand. */
export const vms = environment.vms;
/** How to open the web console, if there is one: address, user, password and forwardCommand. */
export const webConsole = environment.webConsole;
/** Absolute path of the workspace file for editors. */
export const workspace = environment.workspace;
