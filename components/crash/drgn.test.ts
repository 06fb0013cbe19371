import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { runStep, type Stubs, writeProgram } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script.ts";
import { sh } from "../machine/shell.ts";

let root: string;
beforeEach(() => {
  root = temporaryFolder("it's drgn-");
});

const requirements = "drgn==1.2 --hash=sha256:00";
const script = (fetchNamespace = "") =>
  scriptText(import.meta.url, "drgn.sh", {
    ...{ drgn: join(root, "cache/drgn/1.2"), python: "python3", requirements, noted: join(root, "noted") },
    fetch_namespace: fetchNamespace,
  });
/** A Python whose pip ends so. */
function python(pip: string): Stubs {
  writeProgram(
    join(root, "python"),
    `${sh`for last; do :; done; cat "$last" >>${join(root, "asked")}`.shell}\n${pip}`,
    "/bin/bash",
  );
  return {
    python3: `[ "$1 $2" = '-m venv' ] || exit 9\nmkdir -p "$3/bin"; ${sh`cp ${join(root, "python")}`.shell} "$3/bin/"`,
    nsenter: `${sh`echo "$1" >>${join(root, "entered")}`.shell}; shift; exec "$@"`,
  };
}
const facts = async () => (await runStep(script(), "facts")).stdout;

it("is installed once, by its sums, and noted as in use", async () => {
  const ran = await runStep(script("/run/netns/outer"), ["create", "create"], { stubs: python("exit 0") });
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  expect(readFileSync(join(root, "asked"), "utf8")).toBe(requirements);
  expect(readFileSync(join(root, "entered"), "utf8")).toBe("--net=/run/netns/outer\n");
  expect(readFileSync(join(root, "noted"), "utf8")).toBe(`${join(root, "cache/drgn/1.2")}\n`);
  expect(await facts()).toBe("drgn: there\n");
});

it("is no reason to do without a guest if it cannot be had, and is asked for again on another day", async () => {
  const ran = await runStep(script(), "create", { stubs: python("echo 'ERROR: no network' >&2; exit 1") });
  expect(ran.code).toBe(0);
  expect(ran.stderr).toMatch(
    /^drgn cannot be brought, .*: ERROR: no network; from tomorrow on, pulumi up tries again$/m,
  );
  expect(await facts()).toMatch(/^drgn: missing, asked for on \d{4}-\d\d-\d\d\n$/);
  expect((await runStep(script(), "create", { stubs: python("exit 0") })).stderr).toBe("");
  expect(await facts()).toBe("drgn: there\n");
});

it("is made again if its Python is gone, and stays in the cache", async () => {
  const folder = join(root, "cache/drgn/1.2");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "complete"), "");
  expect(await facts()).toContain("missing");
  expect((await runStep(script(), ["create", "delete"], { stubs: python("exit 0") })).code).toBe(0);
  expect(existsSync(join(root, "noted"))).toBe(false);
  expect(await facts()).toBe("drgn: there\n");
});
