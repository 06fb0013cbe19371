# Lines of a stack in a file that others edit too, such as /etc/fstab, between marks that name their stack.
: "${stack:?}"
. ../step.sh
. ./lock.sh

begin_mark="# duet: begin $stack"
end_mark="# duet: end $stack"
# The line by which a file that was not there is known, so that it can go again.
made_mark='# duet: made this file'

# The marks have to be found again, by grep and by sed.
refuse_other_names() { # FILE
  case $stack in
    '' | *[!0-9A-Za-z_.-]*) die "cannot edit $1: '$stack' is no name of a stack; use letters, digits and any of _.-" ;;
  esac
}

# Opens the file behind symbolic links, `target`, as descriptor 9, and keeps others that edit this way out until the
# subshell ends. The file may be replaced or removed while this waits.
open_target() { # FILE
  target=$(readlink -m -- "$1")
  until [ -e "$target" ] && exec 9<>"$target" && lock 9 60 && [ "$target" -ef /proc/self/fd/9 ]; do
    if [ "$SECONDS" -ge 60 ]; then die "cannot edit $1: another edit has held it for 60 s; end that one"; fi
    if [ ! -e "$target" ]; then make_target || return; fi
  done
}

# Makes the file for whoever owns its folder, unless somebody else does at the same time.
make_target() {
  local new=$target.duet-$BASHPID
  printf '%s\n' "$made_mark" >"$new"
  chown --reference="$(dirname -- "$target")" -- "$new"
  ln -T -- "$new" "$target" 2>/dev/null || true
  rm -- "$new"
}

# Prints the file without the stack's lines: what is between the marks, or a mark alone whose other one is gone.
other_lines() {
  local begin=${begin_mark//./\\.} end=${end_mark//./\\.}
  if grep -qxF -e "$begin_mark" -- "$target" && grep -qxF -e "$end_mark" -- "$target"; then
    sed -e "/^$begin\$/,/^$end\$/d" -- "$target"
  else
    sed -e "/^$begin\$/d; /^$end\$/d" -- "$target"
  fi
}

# Puts the stack's lines, and no others of that stack, at the top of the file. There they leave the rest as it is to the
# byte, whatever its last line ends in. The file is replaced at once, with its permissions and owner kept.
put_lines() ( # FILE LINE...
  refuse_other_names "$1"
  open_target "$1"
  cp -p -- "$target" "$target.duet-new"
  {
    printf '%s\n' "$begin_mark" "${@:2}" "$end_mark"
    other_lines
  } >"$target.duet-new"
  if cmp -s -- "$target" "$target.duet-new"; then rm -- "$target.duet-new"; else mv -- "$target.duet-new" "$target"; fi
)

# Takes the stack's lines out of the file again; does nothing if there are none. A file that is ours goes with its last
# line, or becomes its user's with the last stack.
drop_lines() ( # FILE
  refuse_other_names "$1"
  [ -e "$1" ] || return 0
  grep -sqxF -e "$begin_mark" -e "$end_mark" -- "$1" || return 0
  open_target "$1"
  cp -p -- "$target" "$target.duet-new"
  other_lines >"$target.duet-new"
  if [ "$(<"$target.duet-new")" = "$made_mark" ]; then
    rm -- "$target.duet-new" "$target"
    return
  fi
  grep -q '^# duet: begin ' -- "$target.duet-new" || sed -i -e "/^$made_mark\$/d" -- "$target.duet-new"
  mv -- "$target.duet-new" "$target"
)

# Prints the stack's lines, joined by spaces, as a fact.
lines_fact() { # KEY FILE
  local line within='' found=''
  while IFS= read -r line; do
    case $line in
      "$begin_mark") within=yes ;;
      "$end_mark") within='' ;;
      *) if [ -n "$within" ]; then found+="$line "; fi ;;
    esac
  done <"$2"
  fact "$1" "$found"
}
