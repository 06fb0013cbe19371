# How kernel and module are compiled, for what reads C as an editor does: compile_commands.json in the folder of builds,
# where clangd finds it by itself from any tree beside that folder, and no tree of the user's has it. The kernel's own
# script for that is there from Linux 5.0 on, and leaves in what clangd calls errors.
: "${kernel_tree:?}" "${tree:?}" "${objects:?}" "${build:?}" "${commands_awk:?}"
: "${kernel:?}" "${module:?}" # Other builds may be compiled otherwise.
. ../machine/step.sh
. ../machine/lib/files.sh
. ../machine/lib/since.sh
. ../sources/holds.sh

builds=$(dirname -- "$build")
database=$builds/compile_commands.json
# For grep: what entries of the kernel's files have.
of_kernel=(-e "\"file\": \"$kernel_tree/" -e "\"file\": \"$build/")

create() {
  # find has to be able to go back to where it began.
  cd /
  as_developer test -w "$builds" || die "cannot write $database: uid $uid may not write there; correct the rights there"
  {
    compiled "$objects"
    # What the kernel's last build has noted may be listed already, and is 1,500 files.
    if [ -e "$build/duet-build.log" ] && [ "$database" -nt "$build/duet-build.log" ] &&
      grep -qsF "${of_kernel[@]}" -- "$database"; then
      listed | grep -F "${of_kernel[@]}"
    else
      # The programs of the build itself are compiled elsewhere.
      compiled "$build" '(' -path "$build/tools" -o -path "$objects" ')' -prune -o
    fi
    of_others
  } | sed -e '1s/^/[\n/' -e '$!s/$/,/' -e '$s/$/\n]/' | as_developer tee -- "$database.new" >/dev/null
  as_developer mv -- "$database.new" "$database"
  grep -qF -e "\"file\": \"$tree/" -- "$database" ||
    say "$database does not know how the module is compiled: make has noted nothing in $objects"
}

facts() {
  if newer_than_record "$database"; then
    fact 'compile commands' "$(grep -qsF -e "\"file\": \"$tree/" -- "$database" && echo of kernel and module)"
  else
    recorded 'compile commands'
  fi
}

# Another stack of the directory may have the build on.
delete() {
  if [ -z "$(find "$holders" -type f ! -name '.*' ! -name "$stack" -print -quit 2>/dev/null)" ]; then
    rm -f -- "$database" "$database.new"
    rmdir -- "$builds" 2>/dev/null || true
  fi
}

# Prints the entries of what is compiled below a folder.
compiled() { # FOLDER FIND-EXPRESSION...
  as_developer find "$1" "${@:2}" -type f -name '.*.o.cmd' -print0 |
    as_developer xargs -0r awk -v build="$build" -v objects="$objects" -v tree="$tree" "$commands_awk"
}

# Prints the entries that there are.
listed() { sed -n 's/^\({"directory": .*}\),\?$/\1/p' "$database" 2>/dev/null || true; }

# Prints the entries of modules of other stacks that there are: those whose files are there still.
of_others() {
  local line file
  while IFS= read -r line; do
    file=${line#*\"file\": \"}
    if [ -e "${file%%\"*}" ]; then printf '%s\n' "$line"; fi
  done < <(listed | grep -vF -e "\"file\": \"$tree/" "${of_kernel[@]}")
}

run_step "$@"
