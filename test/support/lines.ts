import type { Shell } from "../../components/index.ts";

/** Puts commands one after the other, a line each. */
export function lines(...commands: readonly Shell[]): Shell {
  return { shell: commands.map(({ shell }) => shell).join("\n") };
}
