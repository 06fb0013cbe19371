import { sh } from "../../components/index.ts";
import { demand } from "../e2e/checks.ts";
import { changes, drifts, isUnchanged } from "../e2e/pulumi-output.ts";
import type { SpecChange, TestStack } from "../e2e/stack.ts";

/** One report from the field, tried on a standing stack. */
export interface FieldCase {
  /** The kind in docs/field-reports.md, or the row in docs/workstation.md. */
  readonly kind: number | `W${number}`;
  /** In a few words. */
  readonly name: string;
  /** Does it, and throws if the outcome is not the right one. The stack is brought back to its own spec afterwards. */
  run(stack: TestStack, say: (line: string) => void): Promise<void>;
}

/** The guest that every stack of these has. */
export const one = { name: "one", memory: 768, vcpus: 1 };

/** @throws if a preview would change anything */
export async function staysClean(stack: TestStack): Promise<void> {
  const { output } = await stack.run("preview");
  if (!isUnchanged(output)) {
    const would = changes(output).map(({ name, operation }) => `${name} ${operation}`);
    throw new Error(`preview after up was to change nothing: ${[...would, ...drifts(output)].map(String).join("; ")}`);
  }
}

/** Asks for a change of the spec: preview calls none of it drift, up makes it, and then there is nothing left to do. */
export async function change(stack: TestStack, spec: SpecChange): Promise<string> {
  stack.writeSpec(spec);
  const { output } = await stack.run("preview");
  demand(
    "what preview calls drift",
    drifts(output)
      .map(({ step, words }) => `${step}: ${words}`)
      .join("; "),
    "",
  );
  const up = await stack.run("up");
  await staysClean(stack);
  return up.output;
}

/** What tells one boot of a guest from another. */
export function bootOf(stack: TestStack, guest: string): Promise<string> {
  return stack.guest(guest, sh`cat /proc/sys/kernel/random/boot_id`);
}
