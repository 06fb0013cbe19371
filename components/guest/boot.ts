import { portTaken, stubAttached } from "../host/gdb-port.ts";
import { fail } from "../machine/result.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";

export interface BootArgs {
  /** URI of libvirt. */
  readonly uri: string;
  /** Name of the domain, which is also what ssh is given. */
  readonly domain: string;
  /** Port of its gdb stub. */
  readonly gdbPort: number;
  /** Words of the ssh command that reaches it. */
  readonly ssh: readonly string[];
  /** Absolute path of its console log, as this host sees it. */
  readonly consoleLog: string;
  /** Seconds that it may take to answer ssh. */
  readonly timeout: number;
}

/**
 * Defines `answers`, which succeeds when the guest answers ssh; `await_guest SECONDS`, which gives up early on a panic;
 * and `forget_panic`, which ends the last lines of the console, in which a panic is looked for, before a new boot.
 */
export function guestAnswers(ssh: readonly string[], consoleLog: string): Shell {
  return sh`answers() { timeout 15 ${ssh} true </dev/null >/dev/null 2>&1; }
panicked() { grep -qF -e 'end Kernel panic' < <(tail -n 5 -- ${consoleLog} 2>/dev/null); }
forget_panic() { { printf '\n\n\n\n\n' >>${consoleLog}; } 2>/dev/null || true; }
await_guest() {
  local end=$((SECONDS + $1))
  until answers; do
    if panicked || [ "$SECONDS" -ge "$end" ]; then return 1; fi
    sleep 1
  done
}`;
}

/** Ends the connection that commands for the guest share: one that has died would hold up the next of them. */
export function endSharedConnection(ssh: readonly string[]): Shell {
  return sh`${[...ssh.slice(0, -1), "-O", "exit", ...ssh.slice(-1)]} 2>/dev/null || true`;
}

/** Says in a line why libvirt did not start a domain, from what virsh said in `$why`. */
function notStarted(domain: string): Shell {
  const memory = "free some memory of the host, or lower `memory` in duet:vms";
  return lines(
    sh`{ what='mend that'; case $why in *'Cannot allocate memory'*) what=${memory} ;; esac`,
    // Its first line says no more than that; QEMU's own words may take several after it.
    sh`why=$(sed -e 's/^error: //' -e '/^Failed to start domain/d' -e '/^$/d' <<<"$why" | paste -sd' ')`,
    sh`${fail(sh`${`domain ${domain} was to be started, and libvirt could not: `}"$why; $what, then run this again"`)}; }`,
  );
}

/**
 * Brings a domain to the state "runs and answers ssh" from any other: off, crashed, paused by gdb, or in a panic.
 * Facts are cheap; the repair is gentle first: it resumes, then waits, and resets a guest only when that did not help.
 */
export function bootScript({ uri, domain, gdbPort, ssh, consoleLog, timeout }: BootArgs): Shell {
  const virsh = sh`virsh -q -c ${uri}`;
  return lines(
    portTaken(domain),
    stubAttached,
    guestAnswers(ssh, consoleLog),
    endSharedConnection(ssh),
    sh`case $(${virsh} domstate -- ${domain}) in`,
    sh`  running) ;;`,
    sh`  paused)`,
    sh`    gdb=$(attached ${gdbPort})`,
    sh`    if [ -n "$gdb" ]; then ${fail(sh`${`domain ${domain} is stopped by a debugger that is attached, `}"$gdb"': detach it, then run this again'`)}; fi`,
    sh`    ${virsh} resume -- ${domain} >&2 ;;`,
    sh`  *)`,
    sh`    user=$(taken ${gdbPort})`,
    sh`    if [ -n "$user" ]; then ${fail(sh`${`domain ${domain} was asked to start with its stub on port ${gdbPort}, and `}"$user"' listens there: end it, then run this again'`)}; fi`,
    sh`    ${virsh} destroy -- ${domain} >/dev/null 2>&1 || true`,
    sh`    forget_panic`,
    sh`    why=$(${virsh} start -- ${domain} 2>&1) || ${notStarted(domain)} ;;`,
    sh`esac`,
    sh`if ! await_guest ${timeout}; then`,
    sh`  printf '%s\n' ${`${domain} did not answer; resetting it`} >&2`,
    sh`  forget_panic`,
    sh`  ${virsh} reset -- ${domain} >&2`,
    sh`  sleep 2`,
    sh`  if ! await_guest ${timeout}; then`,
    sh`    printf '%s\n' ${`${domain} was reset and did not answer ssh within ${timeout} s; the last lines of its console (${consoleLog}):`} >&2`,
    sh`    tail -n 20 -- ${consoleLog} >&2`,
    sh`    exit 1`,
    sh`  fi`,
    sh`fi`,
    sh`timeout 120 ${ssh} 'if [ -d /run/cloud-init ] && [ ! -e /run/cloud-init/result.json ]; then cloud-init status --wait >/dev/null; fi' </dev/null >&2 || true`,
  );
}

/**
 * Whether the domain runs and answers.
 *
 * @param meanwhile other facts, to be read while the guest is being asked
 */
export function bootFacts(
  { uri, domain, ssh }: Pick<BootArgs, "uri" | "domain" | "ssh">,
  meanwhile: Shell = sh`:`,
): Shell {
  return lines(
    sh`exec {guest}< <(exec timeout --foreground 10 ${ssh} echo yes </dev/null 2>/dev/null); asked=$!`,
    meanwhile,
    sh`state=$(virsh -q -c ${uri} domstate -- ${domain} 2>/dev/null || echo undefined)`,
    sh`printf 'domain: %s\n' "$state"`,
    // One that does not run is not waited for.
    sh`answer=; if [ "$state" = running ]; then read -r answer <&"$guest" || true; else kill "$asked" 2>/dev/null || true; fi`,
    sh`printf 'answers ssh: %s\n' "${{ shell: "${answer:-no}" }}"`,
  );
}
