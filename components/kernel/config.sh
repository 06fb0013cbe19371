# The configuration of a kernel: a base, the guest's modules, what a guest needs, fragments, and what Duet needs last.
# With the base "guest" standard input is the guest's configuration. A fragment is a text, or the name of one of the
# kernel's own: a text has ends of lines, and a name has none. Source: guide, step 8.
: "${tree:?}" "${build:?}" "${ccache:?}" "${base:?}" "${localmodconfig?}" "${modules?}" "${own?}"
: "${fragments[*]-}" "${shipped[*]-}" # Those of this project's come first.
: "${guest_needs:?}" "${needs:?}" "${depends_on:?}" "${newest_compilers[0]:?}"
: "${sources:?}" # Others may have other symbols.
. ../machine/step.sh
. ../machine/lib/files.sh
. ../sources/aside.sh
. ./toolchain.sh

scratch=$build.config

# All lines that are asked for, in their order; and those that not only a fragment of the kernel's own asks for.
asked='' wanted=''

create() {
  local guest='' text ours='' needed version
  take_turn
  # What is taken is in use from now on.
  touch -c -- "$cache"
  # One of several kernels waits there under a name of its own while no stack has it.
  take_back "build$own" "$build"
  take_back "ccache$own" "$ccache"
  take_hold
  refuse_built_in_place
  use_toolchain
  version=$(compiler_version)
  renew "$build"
  renew "$scratch"
  give_to_developer "$build" "$ccache" "$scratch"
  make_folders
  advise_on_compiler "$version"
  rm -f -- "$scratch/.config"
  read_fragments
  begin
  if [ -n "$localmodconfig" ]; then leave_out_modules; fi
  find_symbols
  if ! is_whole; then guest=$(known_of "$guest_needs"); fi
  for text in "${shipped[@]}"; do ours+=$(known_of "$text")$'\n'; done
  needed=$(others "$(known_of "$needs")" "$ours")
  refuse_conflicts "$needed"
  asked=$guest$'\n'$ours$asked$needed
  wanted+=$guest$'\n'$ours$needed
  append "$asked"
  # That a later line wins is the point, and not worth a warning each.
  configure olddefconfig 2>&1 | { grep -v ':warning: override: ' || true; } >&2
  check
  # make sees no change if there is none.
  if ! cmp -s "$scratch/.config" "$build/.config"; then
    as_developer cp -- "$scratch/.config" "$build/.config"
  fi
  result config "$(sha256sum <"$build/.config" | cut -c1-16)"
}

facts() { checksum_fact 'kernel configuration' "$build/.config"; }

identity() { printf '%s\n' "$build"; }

delete() { release_hold keep; }

keep() {
  put_aside "$build" "build$own"
  put_aside "$ccache" "ccache$own"
  rm -rf -- "$scratch"
  rmdir -- "$(dirname "$build")" 2>/dev/null || true
}

# The kernel's own make builds nothing elsewhere then, and says so late.
refuse_built_in_place() {
  local left
  for left in .config include/config arch/x86/include/generated; do
    [ ! -e "$tree/$left" ] || die "cannot build the kernel of $tree in $build: it was built in place, which has left" \
      "$left; keep its .config elsewhere, and do make mrproper there"
  done
}

make_folders() {
  local folder
  for folder in "$(dirname "$build")" "$build" "$scratch"; do install -d -o "$uid" -g "$gid" -- "$folder"; done
}

# Says what may come of a compiler that is newer than those which the kernel's authors knew.
advise_on_compiler() { # COMPILER-VERSION
  local kernel limit before newest
  kernel=$(sed -n 's/^\(VERSION\|PATCHLEVEL\) = //p' "$tree/Makefile" | paste -sd.)
  for limit in "${newest_compilers[@]}"; do
    read -r before newest <<<"$limit"
    if ! printf '%s\n' "$before" "$kernel" | sort -V -C && [ "$1" -gt "$newest" ]; then
      say "Linux $kernel is of the time of gcc $newest, and $(toolchain) is of version $1: it may not build, or not" \
        "boot; ask for duet:kernel: { toolchain: { suite: … } } of its time"
      return
    fi
  done
}

configure() { as_developer make -s -C "$tree" "O=$scratch" "CC=$compiler" "HOSTCC=$compiler" "$@"; }

append() { printf '%s\n' "$1" | as_developer tee -a "$scratch/.config" >/dev/null; }

read_fragments() {
  local fragment
  for fragment in "${fragments[@]}"; do
    case $fragment in
      *$'\n'*) asked+=$fragment wanted+=$fragment ;;
      *) asked+=$(kernels_own "$fragment")$'\n' ;;
    esac
  done
}

# Prints the fragment that `make NAME` would lay over: the general one, and that of the architecture behind it.
kernels_own() { # NAME
  local file text='' names
  for file in "$tree"/{kernel,arch/x86}/configs/"$1"; do
    if [ -f "$file" ]; then text+=$(<"$file")$'\n'; fi
  done
  if [ -z "$text" ]; then
    names=$(find "$tree"/{kernel,arch/x86}/configs -name '*.config' -printf '%f\n' 2>/dev/null | sort -u) || true
    names=${names//$'\n'/, }
    die "cannot configure the kernel: duet:kernel.fragments asks for $1, and neither this project nor the kernel has" \
      "it; take one of ${names:-"the project's files"}"
  fi
  printf '%s' "$text"
}

# Says of a line that only a fragment of the kernel's own has which one that is.
of_kernels_own() { # LINE
  local fragment
  if grep -qxF -e "$1" <<<"$wanted"; then return; fi
  for fragment in "${fragments[@]}"; do
    if [[ $fragment != *$'\n'* ]] && grep -qsxF -e "$1" -- "$tree"/{kernel,arch/x86}/configs/"$fragment"; then
      printf ' (%s)' "$fragment"
      return
    fi
  done
}

begin() {
  case $base in
    tiny | defconfig) configure "${base/tiny/tinyconfig}" >&2 ;;
    guest)
      as_developer tee "$scratch/.config" >/dev/null
      [ -s "$scratch/.config" ] ||
        die "cannot begin with the guest's configuration: it has no /boot/config-*; choose tiny, defconfig or a file"
      ;;
    *)
      [ -r "$base" ] || die "cannot begin with the configuration $base: it cannot be read; correct duet:kernel.base"
      as_developer tee "$scratch/.config" <"$base" >/dev/null
      ;;
  esac
}

# The new symbols of a newer kernel get their defaults.
leave_out_modules() {
  printf '%s\n' "$modules" >"$scratch/lsmod"
  { yes '' || true; } | configure "LSMOD=$scratch/lsmod" localmodconfig >&2
}

find_symbols() {
  grep -rhoE --include='Kconfig*' -e '^[[:space:]]*(menu)?config[[:space:]]+[A-Za-z0-9_]+' "$tree" |
    awk '{ print $NF }' | sort -u >"$scratch/symbols"
}

known() { grep -qxF -e "$1" "$scratch/symbols"; }

# The name in a line of a configuration, without CONFIG_.
symbol() { grep -oE 'CONFIG_[A-Za-z0-9_]+' <<<"$1" | head -n 1 | cut -c8-; }

# Whether the base is a configuration that somebody has made for a machine. The kernel's own are for no machine, and of
# a guest's modules only those are left that it had loaded at one moment: what a guest needs is put in again.
is_whole() { [[ $base != tiny && $base != defconfig && -z $localmodconfig ]]; }

# Of lines that nobody has asked for those whose symbols this kernel knows.
known_of() { # LINES
  local line
  while IFS= read -r line; do
    # The short form of the debug information: since 5.18 a choice, of which this is no member any more.
    if [ "$line" = CONFIG_DEBUG_INFO=y ] && known DEBUG_INFO_NONE; then continue; fi
    if known "$(symbol "$line")"; then printf '%s\n' "$line"; fi
  done <<<"$1"
}

# Of lines those whose symbols no other line sets: this project's own fragments know what Duet needs.
others() { # LINES OTHER-LINES
  local line left=$1
  while IFS= read -r line; do
    if [ -n "$line" ]; then left=$(grep -vE -e "^(# )?CONFIG_$(symbol "$line")[= ]" <<<"$left") || true; fi
  done <<<"$2"
  printf '%s\n' "$left"
}

# Why a line is among others: what the last remark above it says; nothing if it is not.
reason_for() { # LINE LINES
  local line reason=''
  while IFS= read -r line; do
    if [ "$line" = "$1" ]; then printf '%s' "$reason"; fi
    case $line in CONFIG_* | '# CONFIG_'*) ;; *) reason=${line#\# } ;; esac
  done <<<"$2"
}

# Names every line that was asked for and that Duet needs to be another.
refuse_conflicts() { # NEEDS
  local line need refused=''
  while IFS= read -r line; do
    need=$(grep -m 1 -E -e "^(# )?CONFIG_$(symbol "$line")[= ]" <<<"$1") || continue
    case "${line/%=n/ is not set}" in "$need" | "${need#\# }") continue ;; esac
    refused+=$'\n'"$line$(of_kernels_own "$line"): Duet needs \`$need\`, since $(reason_for "$need" "$needs")"
  done < <(last_of_each || true)
  if [ -n "$refused" ]; then
    die "cannot configure the kernel: these lines cannot stand beside what Duet needs; remove or overrule them$refused"
  fi
}

# Of the lines that are asked for, for each symbol the last.
last_of_each() {
  grep -E '^(CONFIG_[A-Za-z0-9_]+=|# CONFIG_[A-Za-z0-9_]+ is not set$)' <<<"$asked" | tac |
    awk '{ name = $1 == "#" ? $2 : $0; sub(/=.*/, "", name) } !seen[name]++' | sort
}

# Names every symbol that was asked for and is not in the result, with what it depends on. A fragment of the kernel's
# own is for all architectures and compilers, and `make NAME` drops what this one does not take: that is only said.
check() {
  local line own dropped='' left_out=''
  while IFS= read -r line; do
    if taken "$line"; then continue; fi
    own=$(of_kernels_own "$line")
    if [ -n "$own" ]; then left_out+="${left_out:+, }$line$own"; else dropped+=$'\n'"$line: $(why_not "$line")"; fi
  done < <(last_of_each)
  if [ -n "$left_out" ]; then say "this kernel does not take all lines of its own fragments; left out: $left_out"; fi
  if [ -n "$dropped" ]; then
    die "cannot configure the kernel: it does not take these symbols; correct duet:kernel$dropped"
  fi
}

# Whether a line is an order to leave something out. An absent string is as empty as one that was asked for as "".
is_off() { [[ $1 == '#'* || $1 == *=n || $1 == *'=""' ]]; }

taken() { # LINE
  if grep -qxF -e "$1" "$scratch/.config"; then return; fi
  is_off "$1" && ! grep -q "^CONFIG_$(symbol "$1")=" "$scratch/.config"
}

why_not() { # LINE
  local name found depends
  name=$(symbol "$1")
  found=$(grep -hE "^(# )?CONFIG_${name}[= ]" "$scratch/.config" || echo absent)
  if is_off "$1"; then
    printf 'it is set to %s, since something selects it%s' "${found#*=}" "$(as_need "$1")"
  elif ! known "$name"; then
    printf 'this kernel has no such symbol'
  else
    depends=$(
      grep -rhE --include='Kconfig*' -A 40 -e "^[[:space:]]*(menu)?config[[:space:]]+${name}[[:space:]]*$" "$tree" |
        awk -v name="$name" "$depends_on" || true
    )
    printf 'found %s; it depends on %s%s' "$found" \
      "${depends:-a choice, or a type, that does not allow it}" "$(as_need "$1")"
  fi
}

# Says of a line that nobody but Duet has asked for it, and why.
as_need() { # LINE
  local ours guests
  if grep -qxF -e "$1" <<<"$(printf '%s\n' "${fragments[@]}")"; then return; fi
  ours=$(reason_for "$1" "$needs")
  guests=$(reason_for "$1" "$guest_needs")
  if [ -n "$ours" ]; then
    printf '; Duet needs it, since %s' "$ours"
  elif [ -n "$guests" ]; then
    printf '; a guest needs it, since %s: ask for it to be off if yours does not' "$guests"
  fi
}

run_step "$@"
