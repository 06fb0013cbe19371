import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { clearSources } from "./clear-sources.ts";

let folder: string;
let directory: string;
beforeEach(() => {
  folder = temporaryFolder("duet-clear-");
  directory = join(folder, "shared");
  for (const name of ["duet-kernel/init", ".duet/holds", "build/ccache"]) {
    mkdirSync(join(directory, name), { recursive: true });
  }
});

/** Has a program of the server's name run with a configuration that exports the directory. @returns its pid */
async function serves(state: string): Promise<number | undefined> {
  const [server, file] = [join(folder, "ganesha.nfsd"), join(folder, state, "ganesha.conf")];
  mkdirSync(join(folder, state));
  writeFileSync(file, `EXPORT { Path = ${directory}; }\n`);
  writeFileSync(server, "#!/bin/bash\necho runs\nread -r\n");
  chmodSync(server, 0o755);
  const child = spawn(server, ["-f", file], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill());
  await once(child.stdout, "data");
  return child.pid;
}

describe("what a run that was cut off has left", () => {
  it("goes, but for what was built", () => {
    clearSources(directory, join(folder, "state"));
    expect(readdirSync(directory)).toEqual(["build"]);
    clearSources(join(folder, "none"), join(folder, "state"));
  });

  it("goes too if it is exported by the server of the very stack", async () => {
    await serves("state");
    clearSources(directory, join(folder, "state"));
    expect(readdirSync(directory)).toEqual(["build"]);
  });

  it("is left alone if another stack's server exports it, whose pid is named", async () => {
    const pid = await serves("other");
    expect(() => clearSources(directory, join(folder, "state"))).toThrow(`pid ${pid}, `);
    expect(readdirSync(directory)).toContain("duet-kernel");
  });
});
