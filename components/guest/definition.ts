import { readFileSync } from "node:fs";

/** How a domain says how it is run. */
export const accelerators = {
  kvm: { type: "kvm", cpu: "host-passthrough" },
  tcg: { type: "qemu", cpu: "maximum" },
} as const;

const beside = (file: string): string => readFileSync(new URL(file, import.meta.url), "utf8");

/** What tells the definition of a domain, and what was added to it, apart. */
export const definitions = beside("definition.xsl");
/** What gives a domain a kernel of its own. */
export const ownKernelStylesheet = beside("own-kernel.xsl");

/** Name of the snapshot of a guest as it was proven. */
export const provenSnapshot = "duet-proven";

/** A value as XSLT takes it between double quotes, where braces would hold an expression. */
export function attribute(value: string): string {
  const special: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", '"': "&quot;", "{": "{{", "}": "}}" };
  return value.replaceAll(/[&<"{}]/g, (character) => special[character] ?? character);
}
