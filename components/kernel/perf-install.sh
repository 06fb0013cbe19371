# perf in one guest, first on everybody's PATH, with the symbols where it looks for them, and allowed to the developer.
# Source: guide, "Using perf with Duet".
: "${program?}"
: "${built?}" # Another one is installed again.
. ../machine/step.sh
. ../machine/lib/apt.sh
. ../machine/lib/developer.sh
. ../machine/lib/files.sh
. ./perf-symbols.sh

installed=/usr/local/bin/perf
settings=/etc/sysctl.d/90-duet-perf.conf
# The developer sees events of all tasks and of the kernel, and the addresses of functions. Source:
# Documentation/admin-guide/sysctl/kernel.rst.
wanted=('kernel.perf_event_paranoid = -1' 'kernel.kptr_restrict = 0')
# What they were before, in the same form.
before=$records/.perf-settings
# Whether the program there is ours.
ours=$records/.perf

create() {
  [ -e /proc/sys/kernel/perf_event_paranoid ] ||
    die "cannot use perf: kernel $(uname -r) was built without PERF_EVENTS; ask for duet:kernel: { fragments: [perf] }"
  [ -e "$ours" ] || [ ! -e "$installed" ] ||
    die "cannot install perf: Duet has not put the $installed there that is there; remove it, or leave out" \
      "duet:tools.perf"
  : >"$ours"
  if [ -n "$program" ]; then copy_program; else link_program; fi
  require_program
  link_symbols
  allow
}

# As the developer: over NFS root is nobody.
copy_program() {
  as_developer cat -- "$program" >"$installed.new" || die "cannot install perf: $program cannot be read; run pulumi up"
  chmod 755 -- "$installed.new"
  mv -- "$installed.new" "$installed"
}

# The program itself of the distribution's newest perf: /usr/bin/perf may be a front end, which looks for one of the
# version of the kernel that runs.
link_program() {
  local found
  found=$(newest_program)
  if [ -z "$found" ]; then
    install_packages "$(newest_package)"
    found=$(newest_program)
  fi
  [ -n "$found" ] || die "cannot find perf in the distribution's packages; ask for duet:tools: { perf: source }"
  ln -sfn -- "$found" "$installed"
}

newest_program() {
  local file magic
  for file in /usr/bin/perf /usr/bin/perf_[0-9]* /usr/lib/linux-tools-*/perf; do
    magic=$(head -c 4 -- "$file" 2>/dev/null | tr -d '\177') || true
    if [ "$magic" = ELF ]; then printf '%s\n' "$file"; fi
  done | sort -V | tail -n 1
}

# Of Debian that is linux-perf, of Ubuntu the linux-tools of its newest kernel.
newest_package() {
  local name
  name=$(known_package)
  if [ -z "$name" ]; then
    apt update >&2 || true
    name=$(known_package)
  fi
  [ -n "$name" ] ||
    die "cannot find perf: apt knows no linux-perf and no linux-tools; ask for duet:tools: { perf: source }"
  printf '%s\n' "$name"
}

known_package() {
  { apt-cache pkgnames linux-perf && apt-cache pkgnames linux-tools-; } 2>/dev/null |
    { grep -xE -e 'linux-perf|linux-tools-[0-9]+(\.[0-9]+)+-[0-9]+' || true; } | sort -V | tail -n 1
}

require_program() {
  local said
  said=$("$installed" --version </dev/null 2>&1) || die "cannot run perf: ${said%%$'\n'*}"
  result perf "${said#perf version }"
}

# Has the settings hold, now and at each boot.
allow() {
  if [ ! -e "$before" ]; then now | replace_file "$before"; fi
  printf '%s\n' '# perf for the developer, by Duet' "${wanted[@]}" | replace_file "$settings"
  printf '%s\n' "${wanted[@]}" | apply
}

# Prints the settings as they are.
now() {
  local line key value
  for line in "${wanted[@]}"; do
    key=${line%% = *}
    read -r value <"/proc/sys/${key//.//}" && printf '%s = %s\n' "$key" "$value"
  done
}

apply() {
  local key value
  while read -r key _ value; do printf '%s\n' "$value" >"/proc/sys/${key//.//}"; done
}

# The links are not followed: the server behind them may be dead.
facts() {
  local key value
  find "$installed" "$settings" -maxdepth 0 -printf '%p: %s bytes %l\n'
  symbols_facts
  now | while read -r key _ value; do fact "$key" "$value"; done
}

delete() {
  if [ -e "$before" ]; then apply <"$before"; fi
  rm -f -- "$settings" "$before"
  unlink_symbols
  if [ -e "$ours" ]; then rm -f -- "$installed" "$ours"; fi
}

run_step "$@"
