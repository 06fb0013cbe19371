import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { ownerName } from "../components/names.ts";
import type { Deployment } from "./repair/deployment.ts";

/** Who a stack is on a host that others use. */
export interface Identity {
  /** Eight hex digits, made when the stack first came up. */
  readonly id: string;
  /** By this its leases, and what libvirt has of it, are known: "dev of eve (01234567)". */
  readonly owner: string;
}

/** What a stack is called that has not come up yet, in a preview. */
const none = "00000000";

const fileOf = (folder: string): string => join(folder, "id");

/** @param folder absolute path of the stack's folder in the state */
export function identityOf(folder: string, stack: string): Identity {
  const id = existsSync(fileOf(folder)) ? readFileSync(fileOf(folder), "utf8").trim() : none;
  return { id, owner: ownerName(stack, userInfo().username, id) };
}

/**
 * Makes sure that a stack has an identity: the one that its own state knows, if the folder was lost, or a new one.
 *
 * @param deployment the stack's state, as far as it is known
 */
export function keepIdentity(folder: string, stack: string, deployment: Deployment | undefined): Identity {
  const { id, owner } = identityOf(folder, stack);
  if (id === none) {
    writeFileSync(fileOf(folder), `${idIn(deployment, stack) ?? randomBytes(4).toString("hex")}\n`);
    return identityOf(folder, stack);
  }
  return { id, owner };
}

/** The id that the steps in a state have as that of the owner of their leases. */
function idIn(deployment: Deployment | undefined, stack: string): string | undefined {
  const lines = (deployment?.resources ?? []).flatMap(({ inputs }) => String(inputs?.stdin ?? "").split("\n"));
  const owner = lines.find((line) => line.startsWith(`owner='${stack} of `)) ?? "";
  return /\(([0-9a-f]{8})\)/.exec(owner)?.[1];
}
