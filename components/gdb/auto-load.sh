# The directory below which gdb may load scripts by itself, in the init file that it reads. Source: guide, step 11.
: "${home:?}" "${directory:?}"
. ../machine/step.sh
. ../machine/lib/lines.sh

# gdb reads the first of them that is there. Source: gdb, "Startup".
init_files=("$home/.config/gdb/gdbinit" "$home/.gdbinit")

create() {
  [ -d "$home" ] || die "cannot let gdb load scripts below $directory: there is no home directory $home; make it"
  put_lines "$(init_file)" "add-auto-load-safe-path $directory"
}

facts() {
  local file
  file=$(init_file)
  fact 'gdb reads' "$file"
  lines_fact 'its lines' "$file"
}

# From both files: which of them gdb reads may have changed.
delete() {
  local file
  for file in "${init_files[@]}"; do drop_lines "$file"; done
}

# The init file that gdb reads, or would read.
init_file() { if [ -e "${init_files[0]}" ]; then printf %s "${init_files[0]}"; else printf %s "${init_files[1]}"; fi; }

run_step "$@"
