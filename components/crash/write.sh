# The report of a crash: plain text, and a page, which the program `page` makes of it. `after` is what becomes of a
# guest that has panicked: stay, or reset.
: "${guest:?}" "${console:?}" "${build:?}" "${drgn:?}" "${reports:?}"
: "${after:?}" "${spec:?}" "${trees[0]:?}" "${gdb:?}" "${page:?}"
. ../machine/lib/build-id.sh
. ../machine/lib/developer.sh
. ../machine/lib/panic.sh
. ./dump.sh

# How the kernel begins to speak of what is none of its usual business.
signs='Kernel panic - not syncing|BUG: |Oops: |kernel BUG at |general protection fault|double fault|divide error|'
signs+='INFO: task .* blocked for more than|rcu: INFO: .* detected|WARNING: (possible|suspicious|inconsistent|bad) '

# Writes `story`, a line, report.txt and report.html.
write_report() { # FOLDER NAME STATE SECONDS
  local new=$1 name=$2 state=$3 log='' story
  if [ -s "$new/dmesg" ]; then log=$new/dmesg; fi
  story=$(panic_story "$log")
  printf '%s: %s\n' "$state" "${story:-it said nothing of it}" >"$new/story"
  {
    printf '# %s %s\n\n' "$guest" "$(<"$new/story")"
    printf 'Seen at %s; its memory was kept and read within %s s.\n\n' "$name" "$4"
    part 'What the kernel said, with files and lines' trace "$log"
    cat -- "$new/analysis"
    part 'To look further' commands "$@"
    part 'Sources and builds' built_from
    part 'The spec' printf '%s\n' "$spec"
    part 'The log of the kernel' cat -- "${log:-$console}"
  } >"$new/report.txt"
  awk "$page" "$new/report.txt" >"$new/report.html"
  rm -f -- "$new/analysis"
  if [ -z "$log" ]; then rm -f -- "$new/dmesg"; fi
  chown "$uid:$gid" -- "$new"/{report.txt,report.html}
}

# The sources as they are now, which may have been edited since, and the builds of what the symbols are read from.
built_from() {
  local tree file
  for tree in "${trees[@]}"; do
    printf '%s\n' "$tree"
    if [ -e "$tree/.git" ]; then
      as_developer git -C "$tree" log -1 --format='  commit %H, %s' 2>/dev/null
      as_developer git -C "$tree" status --short 2>/dev/null | head -n 20 | sed 's/^/  /'
    elif [ -e "$tree/.duet-source" ]; then
      printf '  made from %s\n' "$(tr '\n' ' ' <"$tree/.duet-source")"
    fi
  done
  for file in "$build/vmlinux" "${objects[@]}"; do
    printf '%s: build %s of %s\n' "$file" "$(build_id_of "$file")" "$(stat -c %y -- "$file" | cut -d. -f1)"
  done
}

# Prints a part of the report: what a command prints.
part() { # TITLE WORD...
  printf '## %s\n\n' "$1"
  { "${@:2}" || true; } | tr -d '\r' | sed 's/^/    /'
  printf '\n'
}

# The lines from the crash on, but for the instructions, of which a page would be made.
trace() { # LOG
  { if [ -n "$1" ]; then tail -n 400 -- "$1"; else last_of_console 400; fi; } |
    from_sign | sed '/\] Code: /d' | decoded
}

# Of the lines those from the first sign of the crash on, as far as it is near the last one; or the last of all.
from_sign() {
  awk -v signs="$signs" '
    { line[NR] = $0 }
    $0 ~ signs { sign[++count] = NR }
    END {
      from = NR - 40
      for (at = count; at > 0 && sign[at] > sign[count] - 120; at--) from = sign[at]
      for (at = from > 0 ? from : 1; at <= NR && at < from + 200; at++) print line[at]
    }'
}

# How to go on with the dump, by hand.
commands() { # FOLDER NAME STATE
  local new=$1 folder=$reports/$2 object copies=()
  for object in "${objects[@]}"; do copies+=("$folder/${object##*/}"); done
  if [ -n "$no_dump" ]; then
    printf 'There is no dump: %s.\n\n' "$no_dump"
  else
    printf 'The dump took %s MiB and %s s.\n\n' "$(($(stat -c %s -- "$new/memory.kdump") >> 20))" "$dumped"
    printf '%q -c %q' "$drgn/bin/drgn" "$folder/memory.kdump"
    printf ' -s %q' "$folder/vmlinux" "${copies[@]}"
    printf '\ncrash %q %q, and there: mod -S %q\n' "$folder/vmlinux" "$folder/memory.kdump" "$folder"
    printf '%q, which has gdb read it\n' "$folder/gdb.sh"
  fi
  if [ "$3" = panicked ] && [ "$after" = stay ]; then
    printf '%s, which reads the guest itself while it stays as it crashed, until the next pulumi up\n' "$gdb"
  fi
}
