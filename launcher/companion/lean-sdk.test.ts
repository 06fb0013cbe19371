import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

/** Runs a program that imports the SDK behind the hooks, and gives what it prints. */
function run(program: string): string {
  const hooks = ["exports.ts", "lean-sdk.ts"].map((name) => join(import.meta.dirname, name));
  const lines = [
    ...hooks.map((hook) => `import ${JSON.stringify(hook)};`),
    'const { default: pulumi } = await import("@pulumi/pulumi");',
    program,
  ];
  const words = ["--input-type=module", "--eval", lines.join("\n")];
  return execFileSync(process.execPath, words, { encoding: "utf8", cwd: import.meta.dirname });
}

const loaded = 'import("node:module").then(({ Module }) => Object.keys(Module._cache).join("\\n"))';

describe("the SDK behind the hooks", () => {
  it("starts without what serialises functions, and what runs stacks", () => {
    const modules = run(`console.log(typeof pulumi.ComponentResource, await ${loaded})`);
    expect(modules).toMatch(/^function /);
    expect(modules).toContain("/@pulumi/pulumi/resource.js");
    expect(modules).not.toMatch(/\/(?:pacote|metavuln-calculator|execa)\/|\/automation\/stack\.js/);
  });

  it("has its Automation API all the same, for a program that uses it", () => {
    expect(run("console.log(typeof pulumi.automation.LocalWorkspace.createOrSelectStack)")).toBe("function\n");
  });

  it("exports by name and as a whole what it exports to CommonJS", () => {
    const program = `
      const named = await import("@pulumi/pulumi");
      const { createRequire } = await import("node:module");
      const all = createRequire(import.meta.url)("@pulumi/pulumi");
      console.log(named.default === all, Object.keys(all).every((name) => named[name] === all[name]), Object.keys(all).length > 50);`;
    expect(run(program)).toBe("true true true\n");
  });

  it("serialises a function all the same, with the compiler that it loads then", () => {
    expect(run("console.log((await pulumi.runtime.serializeFunction(() => 42)).text)")).toMatch(/\(\) ?=> 42/);
  });
});
