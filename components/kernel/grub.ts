import { readFileSync } from "node:fs";

/** What Duet has GRUB do in a guest, as a file of /etc/default/grub.d. */
export const grubSettings = readFileSync(new URL("grub.cfg", import.meta.url), "utf8");

/** What it adds to a kernel's command line, which a kernel without GRUB needs as well: a word each. */
export const bootParameters: readonly string[] = [
  ...grubSettings.matchAll(/="\$GRUB_CMDLINE_LINUX\w* (.*)"$/gm),
].flatMap(([, words = ""]) => words.split(" "));
