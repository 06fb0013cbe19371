import * as pulumi from "@pulumi/pulumi";
import { stubAttached } from "../host/gdb-port.ts";
import { checksumFact } from "../machine/checksum.ts";
import type { Machine } from "../machine/machine.ts";
import { fail, result } from "../machine/result.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";
import { type GdbTarget, proofCommandFile, userCommandFile } from "./gdb-commands.ts";

export interface DebugSessionArgs {
  /** The host on which gdb runs, and the guest. */
  readonly host: Machine;
  /** URI of libvirt. */
  readonly uri: string;
  /** Name of the domain. */
  readonly domain: string;
  /** Port of its stub on 127.0.0.1. */
  readonly gdbPort: pulumi.Input<number>;
  /** Absolute path of the shared directory, below which the sources of kernel and module are. */
  readonly directory: string;
  /** Absolute path of the kernel's build directory. */
  readonly buildDirectory: string;
  /** Absolute path of the module's sources and object. */
  readonly moduleDirectory: string;
  /** A function of the module, which gdb has to find. Defaults to "duet_handle_event", which the sample has. */
  readonly functionName?: string;
  /** What tells builds of kernel and module apart: a change proves again. */
  readonly builds: pulumi.Input<readonly string[]>;
  /** Absolute path of the file of gdb commands that is written for the user. */
  readonly commandFile: string;
  /** What must be there first: the loaded module, and gdb's packages. */
  readonly dependsOn: readonly pulumi.Resource[];
}

/** What one session is about. */
export interface SessionArgs extends GdbTarget {
  /** URI of libvirt. */
  readonly uri: string;
  /** Absolute path of the shared directory. */
  readonly directory: string;
  /** The function to prove. */
  readonly functionName: string;
}

/** Seconds that gdb gets to read the symbols, attach and detach: a second or two is what it takes. */
const sessionLimit = 120;

/** Where gdb found a function of the module. */
export interface Proof {
  readonly function: string;
  /** In the guest's memory, in hexadecimal. */
  readonly address: string;
  /** Absolute path of the source. */
  readonly file: string;
  /** The line at which it begins. */
  readonly line: number;
}

/** Writes the file of commands with which a person attaches gdb. */
export function writeCommandFile(target: GdbTarget, commandFile: string): Shell {
  return lines(
    sh`mkdir -p -- "$(dirname -- ${commandFile})"`,
    sh`printf '%s' ${userCommandFile(target)} >${`${commandFile}.new`}; mv -- ${`${commandFile}.new`} ${commandFile}`,
  );
}

/** The file of commands, by its checksum. */
export function commandFileFacts(commandFile: string): Shell {
  return checksumFact("gdb commands", commandFile);
}

/** Defines `resume`: lets a guest go that libvirt calls paused, as it does after each gdb, detached or not. */
function resumeFunction({ uri, domain }: SessionArgs): Shell {
  const virsh = ["env", "LC_ALL=C", "timeout", "-k", 5, 30, "virsh", "-q", "-c", uri];
  return sh`resume() {
  case $(${virsh} domstate ${domain} 2>/dev/null </dev/null) in
    paused*) ${virsh} resume ${domain} >&2 </dev/null ;;
  esac
}`;
}

/**
 * Attaches gdb, proves that a function of the module has an address in the guest, a file and a line below the shared
 * path, and detaches. Whatever happens, the guest is running afterwards: gdb detaches when it is told to end, and an
 * exit of any kind resumes the domain.
 *
 * Prints `function: …`, `address: …`, `file: …`, `line: …`.
 */
export function proveDebuggable(session: SessionArgs): Shell {
  const { domain, port, directory, moduleDirectory, functionName } = session;
  const stub = `the gdb stub of ${domain} at 127.0.0.1:${port}`;
  const proof = `gdb is to find ${functionName} of the module in ${domain}`;
  const why =
    "Connection refused|[Tt]imed out|No symbol|not defined|No line number|No such file|Cannot access|not support|[Ee]rror";
  return lines(
    resumeFunction(session),
    stubAttached,
    sh`[ -n "$(ss -Hltn ${`sport = :${port}`})" ] || ${fail(sh`${`${stub} is to be used, and nothing listens there: run pulumi up, which starts the guest`}`)}`,
    sh`client=$(attached ${port})`,
    sh`[ -z "$client" ] || ${fail(sh`${`${stub} is to be used, and takes one client, which is `}"$client: detach there and run this again"`)}`,
    sh`work=$(mktemp -d); gdb=`,
    sh`trap 'code=$?; [ -z "$gdb" ] || { kill "$gdb" 2>/dev/null; wait "$gdb"; } || :; resume || :; rm -rf -- "$work"; exit $code' EXIT; trap 'exit 143' HUP INT TERM`,
    sh`printf '%s' ${proofCommandFile(session, functionName)} >"$work/commands"`,
    sh`setpriv --pdeathsig TERM timeout -k 10 ${sessionLimit} gdb -nx -batch -iex ${`add-auto-load-safe-path ${directory}`} -x "$work/commands" </dev/null >"$work/log" 2>&1 & gdb=$!`,
    sh`code=0; wait "$gdb" || code=$?; gdb=`,
    sh`cat -- "$work/log" >&2`,
    sh`[ "$code" != 124 ] || ${fail(sh`${`${proof}, and was not done within ${sessionLimit} s: see its lines above`}`)}`,
    sh`if ! grep -qxF 'proof: done' -- "$work/log"; then`,
    sh`  why=$(grep -m1 -E -e ${why} -- "$work/log" || tail -n 1 -- "$work/log")`,
    sh`  ${fail(sh`${`${proof}, and says: `}"$why"`)}`,
    sh`fi`,
    sh`read -r line address file < <(sed -n -E 's/^Line ([0-9]+) of "(.*)" (starts|is) at address (0x[0-9a-f]+).*/\1 \4 \2/p' "$work/log") || :`,
    sh`[ -n "$file" ] || ${fail(sh`${`${proof}, and knows no line for it: is the module built with debug information?`}`)}`,
    sh`case $file in ${`${directory}/`}*) ;; *) ${fail(sh`${`${proof} below ${directory}, and finds it in `}"$file: build the module at the shared path"`)} ;; esac`,
    sh`grep -qF -e ${` of ${moduleDirectory}/`} -- "$work/log" || ${fail(sh`${`${proof}, and it is not in the module in ${moduleDirectory}: choose another function of it`}`)}`,
    sh`printf 'function: %s\naddress: %s\nfile: %s\nline: %s\n' ${functionName} "$address" "$file" "$line"`,
  );
}

/** Takes apart what `proveDebuggable` printed. */
export function parseProof(stdout: string): Proof {
  const found = result(stdout, ["function", "address", "file", "line"]);
  return { ...found, line: Number(found.line) };
}

/**
 * The proof that a guest can be debugged: gdb attaches once the module is loaded, finds a function of it by name, and
 * lets the guest go. Writes the commands with which a person does the same.
 *
 * Source: guide, step 13. Errors: nothing listens on the port; a gdb that is attached already, by its pid; what gdb
 * says when it does not find the function.
 */
export class DebugSession extends pulumi.ComponentResource {
  readonly proof: pulumi.Output<Proof>;
  /** Absolute path of the file for `gdb -x`. */
  readonly commandFile: pulumi.Output<string>;

  constructor(name: string, args: DebugSessionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:debug:DebugSession", name, {}, opts);
    const { uri, domain, directory, buildDirectory, moduleDirectory, commandFile } = args;
    const functionName = args.functionName ?? "duet_handle_event";
    const step = args.host.step(
      name,
      {
        title: `prove ${domain} debuggable`,
        create: pulumi.all([args.gdbPort, args.builds]).apply(([port, builds]) => {
          const session = { uri, domain, port, directory, buildDirectory, moduleDirectory, functionName };
          return lines(sh`: ${builds}`, writeCommandFile(session, commandFile), proveDebuggable(session));
        }),
        facts: commandFileFacts(commandFile),
        delete: sh`rm -f -- ${commandFile}`,
      },
      { parent: this, dependsOn: [...args.dependsOn] },
    );
    this.proof = step.stdout.apply(parseProof);
    this.commandFile = step.stdout.apply(() => commandFile);
    this.registerOutputs({ proof: this.proof });
  }
}
