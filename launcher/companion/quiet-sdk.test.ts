import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";
import { announcementMark } from "../../components/machine/step.ts";

it("the SDK tells the engine what is for people, and steps, and nothing of what it notes for itself", () => {
  const lines = [
    `import ${JSON.stringify(join(import.meta.dirname, "quiet-sdk.ts"))};`,
    'import { createRequire } from "node:module";',
    `const require = createRequire(${JSON.stringify(import.meta.filename)});`,
    'const { log } = require("@pulumi/pulumi");',
    'const settings = require("@pulumi/pulumi/runtime/settings");',
    "const tell = (request, done) => done(console.log(request.getMessage()));",
    "settings.getEngine = () => ({ log: tell });",
    // As the SDK has it.
    'const own = require("@pulumi/pulumi/log");',
    'await own.debug("Registering resource: t=a, name=b");',
    `await log.debug("${announcementMark}{}");`,
    'await log.info("for people");',
  ];
  const words = ["--input-type=module", "--eval", lines.join("\n")];
  const printed = execFileSync(process.execPath, words, { encoding: "utf8", cwd: import.meta.dirname });
  expect(printed.split("\n")).toEqual([`${announcementMark}{}`, "for people", ""]);
});
