import { type Shell, sh } from "./shell.ts";

/**
 * Facts that follow from files alone: while none of the files is newer than the record of the step, they are what was
 * recorded, and nothing is started to read them again. In a guest without KVM each process costs 25 ms, and most `up`
 * find most files as they left them. A file that was replaced by an older one, times and all, is not noticed.
 *
 * @param files absolute paths, or bash words that become them; one that is missing counts as newer. On a server that is
 *   dead, looking at it takes until the facts' time is over.
 * @param facts bash that prints the facts
 * @param keys what the facts' keys begin with. Defaults to all facts of the step.
 */
export function sinceRecord(files: readonly (string | Shell)[], facts: Shell, keys: readonly string[] = [""]): Shell {
  const patterns = { shell: keys.map((key) => sh`${key}*`.shell).join(" | ") };
  return sh`newer=
for file in ${files}; do if [ ! -e "$file" ] || [ "$file" -nt "$record" ]; then newer=yes; fi; done
if [ -n "$newer" ]; then
${facts}
else
while IFS= read -r line; do case $line in ${patterns}) printf '%s\n' "$line" ;; esac; done <"$record"
fi`;
}
