import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { program } from "./command.ts";
import { candidates, type Names, shellSetup } from "./completion.ts";
import { verbs } from "./verbs/index.ts";

const names: Names = {
  stacks: () => ["sandbox", "workstation"],
  guests: (stack) => (stack === "workstation" ? ["far"] : ["duetdev", "duetdev2"]),
};
const offered = (line: string) => candidates(program(verbs.map((verb) => verb())), line, names);

describe("the words that may come next", () => {
  it("are the verbs first", () => {
    expect(offered("duetctl ")).toEqual(expect.arrayContaining(["up", "status", "help"]));
    expect(offered("duetctl st")).toEqual(["status"]);
    expect(offered("duetctl help d")).toEqual(["destroy", "dump", "doctor"]);
    expect(offered("duetctl nothing ")).toEqual([]);
  });

  it("are guests where a guest may stand, those of the stack that is named", () => {
    expect(offered("duetctl ssh ")).toEqual(["duetdev", "duetdev2"]);
    expect(offered("duetctl gdb --stack workstation f")).toEqual(["far"]);
    expect(offered("duetctl gdb --dump ")).toEqual(["duetdev", "duetdev2"]);
    expect(offered("duetctl perf --flame-graph f.svg ")).toEqual(["duetdev", "duetdev2"]);
    expect(offered("duetctl logs -n 20 -f ")).toEqual(["duetdev", "duetdev2"]);
    expect(offered("duetctl console duetdev ")).toEqual([]);
  });

  it("are the values of an option behind it", () => {
    expect(offered("duetctl up -s ")).toEqual(["sandbox", "workstation"]);
    expect(offered("duetctl logs --of c")).toEqual(["console"]);
    expect(offered("duetctl logs -n ")).toEqual([]);
    expect(offered("duetctl completion ")).toEqual(["bash", "zsh"]);
  });

  it("are options once a hyphen is typed, and nothing behind --", () => {
    expect(offered("duetctl status --")).toEqual(["--stack", "--json", "--web", "--port", "--help"]);
    expect(offered("duetctl ssh -- ")).toEqual([]);
  });
});

describe("a shell", () => {
  it("is told once, and asks from then on", () => {
    const told = spawnSync("bash", ["-c", `${shellSetup("bash")}complete -p duetctl`], { encoding: "utf8" });
    const [, command = ""] = /^complete -C '(.*)' duetctl$/m.exec(told.stdout) ?? [];
    // As bash runs it: with the line, the cursor, and three words that do not matter. Source: bash(1), complete -C.
    const asked = spawnSync("bash", ["-c", `${command} duetctl st duetctl`], {
      encoding: "utf8",
      env: { ...process.env, COMP_LINE: "duetctl status", COMP_POINT: "10" },
    });
    expect(asked.stdout).toBe("status\n");
  });

  it("of the other kind is told the same", () => {
    expect(shellSetup("zsh").split("\n").at(-2)).toBe(shellSetup("bash").trimEnd());
  });
});
