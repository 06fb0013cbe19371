# perf in a guest, for the person at the terminal. `words` is what it is told.
: "${words[*]-}"
. ../components/machine/lib/die.sh

command -v perf >/dev/null ||
  die "duetctl: cannot run perf: the guest has none; ask for duet:tools: { perf: true }, and do duetctl up"
exec perf "${words[@]}"
