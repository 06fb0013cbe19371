import { spawnSync } from "node:child_process";
import { UserError } from "../sandbox/report.ts";

/** Reads a line at the terminal, which is not shown. Its prompt is the first argument. */
const question = 'IFS= read -rsp "$1: " answer </dev/tty 2>/dev/tty && printf "\\n" >/dev/tty && printf %s "$answer"';

/**
 * The passphrase of a stack's secrets, for all that runs pulumi for it. pulumi asks for it by itself if a person runs it,
 * but not if it is run for its answer: to settle what a run has left, or to tell what root is to do. So it is asked for
 * once, before anything is done.
 *
 * @param words the arguments of pulumi
 * @returns nothing if it is set already
 * @throws UserError if there is nobody to ask
 */
export function obtainPassphrase(stack: string, words: readonly string[]): NodeJS.ProcessEnv {
  const { PULUMI_CONFIG_PASSPHRASE: known, PULUMI_CONFIG_PASSPHRASE_FILE: file } = process.env;
  if (known !== undefined || file) {
    return {};
  }
  const asked = ["-c", question, "bash", `passphrase of the secrets of stack ${stack}`];
  const isAsked = !words.includes("--non-interactive");
  const { status, stdout } = isAsked
    ? spawnSync("bash", asked, { stdio: ["ignore", "pipe", "ignore"], encoding: "utf8" })
    : { status: 1, stdout: "" };
  if (status !== 0) {
    throw new UserError(
      `cannot unlock the secrets of stack ${stack}: there is no terminal to ask for their passphrase at; ` +
        "set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE",
    );
  }
  return { PULUMI_CONFIG_PASSPHRASE: stdout };
}
