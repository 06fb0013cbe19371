import * as modules from "node:module";
import { fileURLToPath } from "node:url";

/**
 * Has an import of a CommonJS module run it at once, and take the names of its exports from what it exports. Node looks
 * for them in its text, which for the SDK and its protocol takes a quarter of a second of each start. To be imported
 * before what imports such modules.
 */
function asModule(url: string): string {
  const path = fileURLToPath(url);
  const names = Object.keys(modules.createRequire(url)(path)).filter((name) => /^(?!default$)[\w$]+$/.test(name));
  return `import { createRequire } from "node:module";
const all = createRequire(import.meta.url)(${JSON.stringify(path)});
export default all;
const { ${names.map((name, index) => `${name}: e${index}`)} } = all;
export { ${names.map((name, index) => `e${index} as ${name}`)} };`;
}

// Node has it from 22.15 on; without it the SDK starts as slowly as ever.
modules.registerHooks?.({
  load(url, context, next) {
    const found = next(url, context);
    const isImported = found.format === "commonjs" && context.conditions.includes("import");
    return isImported ? { format: "module", source: asModule(url), shortCircuit: true } : found;
  },
});
