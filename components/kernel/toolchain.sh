# The compiler of kernel and module: the host's, one that the host has beside it, or that of a build root, which is
# entered with the sources at their own path. Source: bwrap(1), gcc(1).
: "${build_root?}" "${compiler:?}" "${directory:?}"
. ../machine/lib/die.sh
. ../machine/lib/developer.sh

# From here on the developer's work is done with that compiler. A build root is seen read-only, each folder at its
# place: as a whole it would have no place for the sources. It is a process namespace too, so all in it ends at once.
use_toolchain() {
  local path parents=() within=(bwrap --die-with-parent --unshare-pid --proc /proc --dev /dev --perms 1777 --tmpfs /tmp)
  if [ -z "$build_root" ]; then return; fi
  for path in bin sbin lib lib32 lib64 libx32 usr etc; do
    if [ -L "$build_root/$path" ]; then
      within+=(--symlink "$(readlink -- "$build_root/$path")" "/$path")
    elif [ -d "$build_root/$path" ]; then
      within+=(--ro-bind "$build_root/$path" "/$path")
    fi
  done
  # By itself it makes the folders above for root alone.
  path=$directory
  while path=$(dirname -- "$path") && [ "$path" != / ]; do parents=(--dir "$path" "${parents[@]}"); done
  change_user=(setpriv --pdeathsig TERM "${within[@]}" "${parents[@]}" --bind "$directory" "$directory" --)
  # An old setpriv has no --pdeathsig, and needs none here.
  if [ "$EUID" != "$uid" ]; then change_user+=(chroot "--userspec=$uid:$gid" --groups= /); fi
}

# Prints the first number of the compiler's version; refuses one that is not there, or cannot be run.
compiler_version() {
  local said
  said=$(as_developer "$compiler" -dumpversion </dev/null 2>&1) ||
    die "cannot build with $(toolchain): $(tail -n 1 <<<"$said"); correct duet:kernel.toolchain, or mend that"
  printf '%s\n' "${said%%.*}"
}

# What built a folder, for people and for comparing.
toolchain() { printf '%s' "$compiler${build_root:+ of $build_root}"; }

# Empties a folder in which another toolchain has built: its programs may not run in this one, and make looks at files
# and words only. Without the note it was the host's.
renew() { # FOLDER
  local note=$1/.duet-toolchain made
  if [ ! -d "$1" ]; then return; fi
  made=$(cat -- "$note" 2>/dev/null) || made=gcc
  if [ "$made" = "$(toolchain)" ]; then return; fi
  find "$1" -mindepth 1 -delete
  toolchain >"$note"
  chown "$uid:$gid" -- "$note"
}
