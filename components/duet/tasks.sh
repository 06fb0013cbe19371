# The dummy task of a repository that has it in a folder of its own, beside the tools.
: "${tasks:?}"
. ../machine/lib/developer.sh

has_tasks() { as_developer test -r "$tasks/Makefile"; }

# Prints the programs that make has made there, a line each. A server that does not answer is not waited for.
made_tasks() {
  as_developer timeout -s KILL 10 find "$tasks" -maxdepth 1 -type f -perm /111 2>/dev/null | while IFS= read -r file; do
    # Scripts are sources. Source: elf(5), EI_MAG.
    case $(as_developer head -c 4 -- "$file" 2>/dev/null | tr -d '\177') in ELF) printf '%s\n' "$file" ;; esac
  done
}
