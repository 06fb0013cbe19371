import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { inputOf } from "../components/machine/step.ts";
import { ownerName } from "../components/names.ts";
import { UserError } from "../sandbox/report.ts";
import type { Deployment } from "./repair/deployment.ts";

/** Who a stack is on a host that others use. */
export interface Identity {
  /** Eight hex digits, made when the stack first came up. */
  readonly id: string;
  /** By this its leases, and what libvirt has of it, are known: "dev of eve (01234567)". */
  readonly owner: string;
}

/** By this variable the program knows the id of its stack. */
export const idVariable = "DUET_ID";

/** The id of a stack that has not come up yet, in a preview. */
const none = "00000000";

export function identityWith(stack: string, id = none): Identity {
  return { id, owner: ownerName(stack, userInfo().username, id) };
}

/** The id of a stack that pulumi alone brings up, which keeps none: two stacks of a person differ by these names. */
export function idOf(project: string, stack: string): string {
  const names = [userInfo().username, project, stack];
  return createHash("sha256").update(names.join("/")).digest("hex").slice(0, 8);
}

/**
 * The identity of a stack: by its folder, or by its own state, if the folder was lost.
 *
 * @param folder absolute path of the stack's folder in the state
 * @param backend URL of the stack's backend
 * @param deployment reads the stack's state
 * @throws UserError if the folder is that of another stack of this person, by the same name on another backend
 */
export function identityOf(
  folder: string,
  stack: string,
  backend: string,
  deployment: () => Deployment | undefined,
): Identity {
  const kept = keptId(folder);
  if (kept === undefined) {
    return identityWith(stack, idIn(deployment(), stack));
  }
  if (kept.backend !== backend) {
    throw new UserError(
      `cannot use the name ${stack}: it is that of a stack of yours on ${kept.backend || "another backend"}; ` +
        "give this one another name, or log in there",
    );
  }
  return identityWith(stack, kept.id);
}

/** The id that is kept in a stack's folder, and the URL of the backend on which the stack has it. */
export function keptId(folder: string): { readonly id: string | undefined; readonly backend: string } | undefined {
  const file = fileOf(folder);
  if (!existsSync(file)) {
    return undefined;
  }
  const [, id, backend = ""] = /^(\S+) (.*)$/m.exec(readFileSync(file, "utf8")) ?? [];
  return { id, backend };
}

/** The identity of a stack that comes up: a new one, if it has none. */
export function begunIdentity(stack: string, { id }: Identity): Identity {
  return identityWith(stack, id === none ? randomBytes(4).toString("hex") : id);
}

/** @param folder absolute path of the stack's folder in the state, which is there */
export function keepIdentity(folder: string, { id }: Identity, backend: string): void {
  writeFileSync(fileOf(folder), `${id} ${backend}\n`);
}

const fileOf = (folder: string): string => join(folder, "id");

/** The id that the steps in a state have as that of the owner of their leases. */
function idIn(deployment: Deployment | undefined, stack: string): string | undefined {
  const lines = (deployment?.resources ?? []).flatMap(({ inputs }) => inputOf(String(inputs?.stdin)).file.split("\n"));
  const owner = lines.find((line) => line.startsWith(`owner='${stack} of `)) ?? "";
  return /\(([0-9a-f]{8})\)/.exec(owner)?.[1];
}
