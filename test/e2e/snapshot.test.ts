import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { difference, type Snapshot, snapshot } from "./snapshot.ts";

let home: string;
beforeEach(() => {
  home = temporaryFolder("duet-home-");
});

const ofHome = (before: Snapshot, after: Snapshot) =>
  difference(before, after).filter((line) => line.slice(2).startsWith("home: "));

describe("a snapshot", () => {
  it("sees what came, went and changed in the home, contents and modes included", () => {
    writeFileSync(join(home, "same"), "a");
    writeFileSync(join(home, "edited"), "a");
    writeFileSync(join(home, "opened"), "a");
    writeFileSync(join(home, "gone"), "a");
    const before = snapshot({ HOME: home });
    writeFileSync(join(home, "same"), "a");
    writeFileSync(join(home, "edited"), "b");
    chmodSync(join(home, "opened"), 0o666);
    rmSync(join(home, "gone"));
    mkdirSync(join(home, "new"));
    const changed = ofHome(before, snapshot({ HOME: home })).map((line) => line.split(" ").slice(0, 3).join(" "));
    expect(changed.sort()).toEqual(
      [
        `+ home: ${home}/edited`,
        `- home: ${home}/edited`,
        `+ home: ${home}/opened`,
        `- home: ${home}/opened`,
        `- home: ${home}/gone`,
        `+ home: ${home}/new`,
      ].sort(),
    );
  });

  it("leaves caches and the developer's own state aside", () => {
    mkdirSync(join(home, ".cache/duet"), { recursive: true });
    mkdirSync(join(home, ".local/state/duet"), { recursive: true });
    const before = snapshot({ HOME: home });
    writeFileSync(join(home, ".cache/duet/a"), "");
    writeFileSync(join(home, ".local/state/duet/a"), "");
    expect(ofHome(before, snapshot({ HOME: home }))).toEqual([]);
  });

  it("sees a process of a name that is ours, and a program of ours that Node runs", async () => {
    const program = join(home, "main.ts");
    writeFileSync(program, "setTimeout(() => {}, 60_000); console.log('up');");
    const before = snapshot({ HOME: home }).processes.filter((name) => name === "main.ts").length;
    const child = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "ignore"] });
    try {
      await new Promise((resolve) => child.stdout.once("data", resolve));
      expect(snapshot({ HOME: home }).processes.filter((name) => name === "main.ts").length).toBe(before + 1);
    } finally {
      child.kill("SIGKILL");
    }
  });
});

describe("the difference of two snapshots", () => {
  const empty: Snapshot = { processes: [], namespaces: [], links: [], mounts: [], etc: [], home: [] };
  it("counts: the second process of a name is one too many", () => {
    const [one, two] = [
      { ...empty, processes: ["ssh"] },
      { ...empty, processes: ["ssh", "ssh"] },
    ];
    expect(difference(one, two)).toEqual(["+ processes: ssh"]);
    expect(difference(two, one)).toEqual(["- processes: ssh"]);
    expect(difference(two, two)).toEqual([]);
  });
});
