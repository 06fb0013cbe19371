import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { flameGraphProgram } from "../components/kernel/flame-graph.ts";
import { sh } from "../components/machine/shell.ts";
import { project } from "../launcher/project.ts";
import { beginHome, duetctl, home, standTwo } from "../test/support/duetctl.ts";
import { writeProgram } from "../test/support/run-script.ts";

/** Whether this machine draws, and lets perf record. */
const draws = existsSync(flameGraphProgram);
const records =
  spawnSync("perf", ["record", "-q", "-F", "99", "--call-graph", "dwarf", "-o", "/dev/null", "--", "true"]).status ===
  0;

/** A guest that does as ssh does: it hands the words that it is given to a shell as one line. */
const guest = (path: string) => sh`shift; PATH=${path}; export PATH; exec bash -c "$*"`.shell;

beforeEach(() => {
  beginHome();
  standTwo();
  writeProgram(join(home, "bin/guest"), guest(`${home}/guest:/usr/bin:/bin`));
});

describe.runIf(process.getuid?.() === 0)("perf", () => {
  it("gets the words as they are, and duetctl ends as it does", () => {
    writeProgram(join(home, "guest/perf"), `printf '%s|' "$@"; exit 7`);
    const words = ["record", "-g", "--", "sh", "-c", "echo 'a  b' >$HOME"];
    expect(duetctl(["perf", "one", "--", ...words])).toMatchObject({ status: 7, stdout: `${words.join("|")}|` });
    expect(duetctl(["perf", "--", "top"])).toMatchObject({ status: 2, stderr: expect.stringContaining("one, two;") });
  });

  it("has a terminal if there is one", () => {
    writeProgram(join(home, "bin/guest"), 'echo "$1 $2"');
    const typed = sh`${[process.execPath, join(project, "ctl/duetctl.ts"), "perf", "one", "--", "top"]}`.shell;
    expect(duetctl(["perf", "one", "--", "top"]).stdout).toMatch(/^one bash -c /);
    const { stdout } = spawnSync("script", ["-qec", typed, "/dev/null"], {
      encoding: "utf8",
      env: { ...process.env, PATH: `${home}/bin:${process.env.PATH}`, HOME: home, XDG_STATE_HOME: join(home, "state") },
    });
    expect(stdout).toBe("one -t\r\n");
  });

  it("that a guest has not is one line, which says what brings it", () => {
    mkdirSync(join(home, "empty"));
    for (const program of ["bash", "rm"]) {
      symlinkSync(`/bin/${program}`, join(home, "empty", program));
    }
    writeProgram(join(home, "bin/guest"), guest(`${home}/empty`), "/bin/bash");
    const said =
      "duetctl: cannot run perf: the guest has none; ask for duet:tools: { perf: true }, and do duetctl up\n";
    expect(duetctl(["perf", "one", "--", "top"])).toMatchObject({ status: 1, stdout: "", stderr: said });
    if (draws) {
      const drawn = duetctl(["perf", "--flame-graph", join(home, "f.svg"), "one", "--", "true"]);
      expect(drawn).toMatchObject({ status: 1, stderr: said });
    }
  });
});

describe.runIf(process.getuid?.() === 0)("a flame graph", () => {
  const file = () => join(home, "f.svg");
  const draw = (...words: readonly string[]) => duetctl(["perf", "--flame-graph", file(), "one", ...words]);

  it("is asked for with a command, and an event only with it", () => {
    expect(draw()).toMatchObject({ status: 2, stderr: expect.stringContaining("after --") });
    expect(duetctl(["perf", "--event", "e", "one", "--", "top"])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("--flame-graph"),
    });
  });

  it.runIf(!draws)("cannot be drawn without the program, whose package is named", () => {
    expect(draw("--", "true")).toMatchObject({ status: 1, stderr: expect.stringContaining("libdevel-nytprof-perl\n") });
  });

  describe.runIf(draws)("that is drawn here", () => {
    /** A perf that notes what it is asked, and has recorded what a file says. */
    const recorded = (...paths: readonly string[]) => {
      writeFileSync(join(home, "paths"), paths.map((path) => `${path}\n`).join(""));
      const perf = `echo "$*" >>${home}/asked; case $1 in
record) while [ "$1" != -o ]; do shift; done; : >"$2"; if [ -s ${home}/paths ]; then echo data >"$2"; fi; exit 3 ;;
report) cat ${home}/paths ;;
esac`;
      writeProgram(join(home, "guest/perf"), perf);
    };

    it("is of each event that was recorded, and nothing stays in the guest; it ends as the command does", () => {
      recorded("   100.00%  dummy_task", "3 main;write;duet_hook", "1 main;read");
      expect(draw("--event", "probe:duet_hook", "--", "dummy_task", "-n", "<5>")).toMatchObject({
        status: 3,
        stdout: "",
      });
      const svg = readFileSync(file(), "utf8");
      expect(svg).toMatch(/<title>duet_hook \(3 events, 75.00%\)<\/title>/);
      expect(svg).toContain("dummy_task -n &lt;5>");
      const [, event, data = "none"] =
        /^record .*-e (\S+) -o (\/var\/tmp\/duet-\S+) -- dummy_task -n <5>\nreport /m.exec(
          readFileSync(join(home, "asked"), "utf8"),
        ) ?? [];
      expect(event).toBe("probe:duet_hook");
      expect(existsSync(data)).toBe(false);
    });

    it("is none if there is no sample, if there is no folder for it, and if the program finds nothing in it", () => {
      recorded();
      // perf has failed with 3, and has said why.
      expect(draw("--", "true")).toMatchObject({ status: 3, stderr: "" });
      const [, data = "none"] = / -o (\/var\/tmp\/duet-\S+) /.exec(readFileSync(join(home, "asked"), "utf8")) ?? [];
      expect([data, existsSync(data)]).toEqual([expect.stringMatching(/^\/var/), false]);
      const elsewhere = duetctl(["perf", "--flame-graph", join(home, "no/f.svg"), "one", "--", "true"]);
      expect(elsewhere).toMatchObject({
        status: 1,
        stderr: expect.stringContaining(`nothing can be written in ${home}/no`),
      });
      const folder = duetctl(["perf", "--flame-graph", home, "one", "--", "true"]);
      expect(folder).toMatchObject({ status: 1, stderr: expect.stringContaining(`${home} is a folder`) });
      recorded("nothing that is a path");
      expect(draw("--", "true").status).not.toBe(0);
      expect(readdirSync(home)).not.toContain("f.svg");
    });

    it.runIf(records)("is of what a command does, by the real perf", () => {
      const busy = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo done";
      const { status, stdout, stderr } = draw("--", "dash", "-c", busy);
      expect({ status, stdout, stderr }).toMatchObject({ status: 0, stdout: "done\n" });
      expect(stderr).toContain(`duetctl: the flame graph is ${file()}`);
      expect(/<title>dash \([\d,]+ samples/.test(readFileSync(file(), "utf8"))).toBe(true);
    });
  });
});
