# The tools in one guest, wherever their Makefile puts them. Source: guide, step 14.
: "${programs:?}"
: "${built:?}" # Another build is installed again.
. ../machine/step.sh
. ../machine/lib/developer.sh
. ../machine/lib/files.sh
. ../machine/lib/make.sh
. ../machine/lib/since.sh
. ./tasks.sh

# What make install has made in this guest: a path a line, that of a folder with a slash at its end.
list=$records/.tools

create() {
  local before installed
  work=$(mktemp -d)
  trap 'rm -rf -- "$work"' EXIT
  before=$(cat -- "$list" 2>/dev/null) || true
  installed=$(install_by_stage || install_in_place "$before") || die "cannot install the tools: $(why_not)"
  [ -n "$installed" ] || die "cannot install the tools: make install in $programs has written nothing below its" \
    "DESTDIR, /usr/local or /opt; correct its target install"
  # Folders that an earlier run has made are there already, and still ours.
  sort -u <(grep -e '/$' <<<"$before") - <<<"$installed" | replace_file "$list"
  remove_paths < <(grep -vxF -f "$list" <<<"$before")
  ldconfig
  require_library
  require_command
}

# What is installed, and whether the linker knows it.
facts() {
  local sum file name files=()
  while IFS= read -r file; do
    case $file in */) ;; *) files+=("$file") ;; esac
  done <"$list"
  if ! newer_than_record "$list" "${files[@]}" /etc/ld.so.cache; then
    recorded ''
    return
  fi
  while read -r sum file; do fact "$file" "${sum:0:16}"; done < <(sha256sum -- "$list" "${files[@]}" 2>/dev/null)
  while read -r name _ _ file; do fact "linker finds $name" "$file"; done < <(ldconfig -p | grep -F -e libduet.so)
}

# Sources and build stay.
delete() {
  if [ ! -e "$list" ]; then return; fi
  remove_paths <"$list"
  rm -f -- "$list"
  ldconfig
}

# Removes files, and folders that have nothing else in them, whose paths are read.
remove_paths() {
  local path
  sort -r | while IFS= read -r path; do
    case $path in
      */) rmdir -- "$path" 2>/dev/null || true ;;
      ?*) rm -f -- "$path" ;;
    esac
  done
}

# Installs as the developer to a folder, and puts what is there into the guest. make sees the tree as its owner does:
# over NFS root is nobody. Prints what the guest has got by that.
install_by_stage() {
  local path stage=$work/stage
  chmod 711 -- "$work"
  install -d -o "$uid" -- "$stage"
  as_developer timeout 300 make -C "$programs" "DESTDIR=$stage" install </dev/null >"$work/as the developer" 2>&1 &&
    [ -n "$(find "$stage" -mindepth 1 ! -type d -print -quit)" ] || return
  install_tasks as_developer "$stage" >>"$work/as the developer" 2>&1 || return
  find "$stage" -mindepth 1 '(' -type d -printf '/%P/\n' -o -printf '/%P\n' ')' | while IFS= read -r path; do
    case $path in */) if [ -d "$path" ]; then continue; fi ;; esac
    printf '%s\n' "$path"
  done >"$work/staged"
  # Without the folders: tar would take the rights of those that are there for a moment, of / too.
  find "$stage" ! -type d -printf '%P\0' | tar -C "$stage" --null -T - -cf - |
    tar -C / --keep-directory-symlink --no-same-owner -xpf - || return
  cat -- "$work/staged"
}

# Installs as root, if the Makefile knows no DESTDIR. Prints what is new where no package puts anything, and what is
# left of an earlier run: make need not write it again.
install_in_place() { # BEFORE
  local path
  folders | sort >"$work/folders"
  : >"$work/begun"
  timeout 300 make -C "$programs" install </dev/null >"$work/as root" 2>&1 || return
  install_tasks env '' >>"$work/as root" 2>&1 || return
  find /usr/local /opt ! -type d -cnewer "$work/begun"
  while IFS= read -r path; do
    if [ -e "$path" ]; then printf '%s\n' "$path"; fi
  done <<<"$1"
  folders | sort | comm -13 "$work/folders" -
}

# Installs the tasks by their own Makefile or, if that knows no target install, where its author types their names.
install_tasks() { # WORD DESTDIR
  local program
  if ! has_tasks; then return; fi
  if "$1" make -n -C "$tasks" install >/dev/null 2>&1; then
    "$1" timeout 300 make -C "$tasks" ${2:+"DESTDIR=$2"} install </dev/null
    return
  fi
  made_tasks | while IFS= read -r program; do
    "$1" install -D -t "$2/usr/local/bin" -- "$program" || return
  done
}

folders() { find /usr/local /opt -type d -printf '%p/\n'; }

# What make said against either way.
why_not() {
  local who
  if grep -q "No rule to make target 'install'" -- "$work/as root"; then
    printf '%s' "the Makefile in $programs has no target install; add one that installs under /usr/local"
    return
  fi
  printf 'make install fails'
  for who in 'as the developer' 'as root'; do
    if [ -s "$work/$who" ]; then printf '; %s: %s' "$who" "$(first_error "$work/$who")"; fi
  done
}

require_library() {
  local file
  if ldconfig -p | grep '^[[:space:]]*libduet\.so' >/dev/null; then return; fi
  file=$(grep -m 1 -e '/libduet\.so' -- "$list") ||
    die "cannot use libduet: make install in $programs installed none, but: $(paste -sd' ' "$list")"
  die "cannot use libduet, installed as $file: the linker does not look there; install it under /usr/local/lib," \
    "or name ${file%/*} in /etc/ld.so.conf.d"
}

require_command() {
  local command lacks report
  command=$(grep -m 1 -e '/s\?bin/duet$' -- "$list" || command -v duet) ||
    die "cannot use the command duet: make install in $programs installed none, but: $(paste -sd' ' "$list")"
  lacks=$(ldd "$command" 2>&1 | grep 'not found' | tr -s '\t\n' ' ' || true)
  [ -z "$lacks" ] || die "cannot run the command duet: it lacks $lacks"
  report=$(timeout 60 "$command" status report </dev/null 2>&1) ||
    die "cannot reach the module: \`duet status report\` fails: ${report%%$'\n'*}"
  printf '%s\n' "$report"
}

run_step "$@"
