import { existsSync, readFileSync } from "node:fs";
import { ownFile } from "../launcher/configuration.ts";
import { folders } from "../launcher/environment.ts";
import { groundOf } from "../launcher/ground.ts";
import { bareName } from "../launcher/invocation.ts";
import { specFile } from "../launcher/project.ts";
import type { Names } from "./completion.ts";
import { neededStack, specifiedStacks, standingStacks } from "./stacks.ts";

/** The names that a shell offers: read from files, since somebody waits for them with a finger on the key. */
export const namesFrom = (environment: NodeJS.ProcessEnv): Names => ({
  stacks: () => [...new Set([...standingStacks(environment), ...specifiedStacks()])].sort(),
  guests: (named) => {
    const stack = bareName(neededStack(named, environment));
    const spec = [ownFile(folders(environment).state, stack), specFile(stack)].find((file) => existsSync(file));
    return spec === undefined ? [] : groundOf(readFileSync(spec, "utf8"), spec).guests;
  },
});
