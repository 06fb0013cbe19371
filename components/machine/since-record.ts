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
  const look = sh`newer=
for file in ${files}; do if [ ! -e "$file" ] || [ "$file" -nt "$record" ]; then newer=yes; fi; done`;
  return asRecorded(look, facts, keys);
}

/**
 * The same for all that is in the current folder. Whatever is changed, replaced, removed or added there leaves a file or a
 * folder that was changed since, whatever its time says. Source: find(1), -cnewer.
 */
export function treeSinceRecord(facts: Shell, keys: readonly string[] = [""]): Shell {
  return asRecorded(sh`newer=$(find . -cnewer "$record" -print -quit 2>/dev/null) || newer=yes`, facts, keys);
}

function asRecorded(look: Shell, facts: Shell, keys: readonly string[]): Shell {
  const patterns = { shell: keys.map((key) => sh`${key}*`.shell).join(" | ") };
  return sh`${look}
if [ -n "$newer" ]; then
${facts}
else
while IFS= read -r line; do case $line in ${patterns}) printf '%s\n' "$line" ;; esac; done <"$record"
fi`;
}
