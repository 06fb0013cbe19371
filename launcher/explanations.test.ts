import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { scriptText } from "../components/machine/script.ts";
import { stepFile } from "../components/machine/step.ts";
import { temporaryFolder } from "../test/support/temporary-folder.ts";
import { explanations } from "./explanations.ts";

const frame = scriptText(new URL("../components/machine/x.ts", import.meta.url).href, "step.sh", {});

it("are what steps have to say, and nothing of those that have nothing", () => {
  const folder = temporaryFolder("it's a stack-");
  const records = join(folder, "steps");
  const keep = (step: string, script: string) =>
    writeFileSync(join(records, `${step}.sh`), stepFile({ title: "do it", step, records }, script, "1.1"));
  expect(explanations(folder)).toEqual([]);
  mkdirSync(records);
  keep("silent", `${frame}\ncreate() { :; }\nrun_step "$@"\n`);
  keep("old", "case $1 in create | facts | delete) ;; *) echo 'cannot do it'; exit 1 ;; esac\n");
  keep("one-boot", `${frame}\nexplain() { printf 'guest one panicked\\n'; }\nrun_step "$@"\n`);
  expect(explanations(folder)).toEqual(["guest one panicked"]);
});
