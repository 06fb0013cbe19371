import * as modules from "node:module";

/**
 * Has the SDK load npm's resolver and reader of packages and the TypeScript compiler when it first uses them, which is to
 * serialise functions, and its Automation API when a program does. Nothing here does either, and loading them takes a
 * third of a second of each start. To be imported before the SDK.
 */
const packages = new RegExp(
  `/node_modules/(?:${[
    "@pulumi/pulumi/automation/index",
    "@npmcli/arborist/lib/index",
    "normalize-package-data/lib/normalize",
    "typescript/lib/typescript",
  ].join("|")})\\.js$`,
);

/** In the place of such a package: the first use loads the package itself. */
const onDemand = `let real;
const load = () => {
  const here = require("node:module").createRequire(__filename);
  delete here.cache[__filename];
  return here(__filename);
};
module.exports = new Proxy({}, {
  get: (_, name) => name === "__esModule" || ((real ??= load())[name] ?? (name === "default" ? real : undefined)),
});`;

const replaced = new Set<string>();

// Node has it from 22.15 on; without it the SDK starts as slowly as ever.
modules.registerHooks?.({
  load(url, context, next) {
    if (!packages.test(url) || replaced.has(url)) {
      return next(url, context);
    }
    replaced.add(url);
    return { format: "commonjs", source: onDemand, shortCircuit: true };
  },
});
