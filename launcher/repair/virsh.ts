import { spawnSync } from "node:child_process";

/** Seconds that libvirt may take for one answer. */
const limit = 60;

/** How a shell ends if there is no such program. */
const notFound = 127;

/** What virsh said, and how it ended. */
export interface Answer {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs virsh; undefined if there is none on this machine, and so nothing that it could have made. */
export function virsh(uri: string, words: readonly string[], input = ""): Answer | undefined {
  // virsh opens a file, and standard input by its name only if it is a pipe.
  const { error, status, stdout, stderr } = spawnSync(
    "sh",
    ["-c", 'cat | virsh "$@"', "sh", "--connect", uri, ...words],
    {
      input,
      encoding: "utf8",
      env: { ...process.env, LC_ALL: "C" },
      timeout: limit * 1000,
    },
  );
  if (status === notFound) {
    return undefined;
  }
  return { status: status ?? 1, stdout, stderr: error === undefined ? stderr.trim() : error.message };
}

/** The reason in what virsh said: its last line, without the word "error". */
export function reasonIn(said: string): string {
  const last = said.split("\n").at(-1) ?? said;
  return last.replace(/^error: /, "");
}
