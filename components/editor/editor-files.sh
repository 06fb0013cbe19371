# The files that an editor reads of a stack, in folders of the stack's own: names and texts, one for one.
: "${folder:?}" "${names[0]:?}" "${texts[0]:?}"
. ../machine/step.sh
. ../machine/lib/files.sh
. ../machine/lib/since.sh

create() {
  local at file
  for at in "${!names[@]}"; do
    file=$folder/${names[at]}
    mkdir -p -- "$(dirname -- "$file")"
    printf '%s' "${texts[at]}" | replace_file "$file"
    case $file in *.sh) chmod 700 -- "$file" ;; esac
  done
}

facts() {
  if newer_than_record "${names[@]/#/"$folder"/}"; then
    cd -- "$folder" || return
    fact 'files of the editor' "$(sha256sum -- "${names[@]}" | sha256sum | cut -c1-16)"
  else
    recorded 'files of the editor'
  fi
}

# With other names, those files of an earlier version that are superfluous go first.
identity() { printf '%s\n' "${names[*]}"; }

delete() {
  local name
  for name in "${names[@]}"; do
    rm -f -- "$folder/$name"
    case $name in */*) rmdir -- "$folder/${name%/*}" 2>/dev/null || true ;; esac
  done
}

run_step "$@"
