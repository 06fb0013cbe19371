# The memory of a guest, as libvirt writes it, and what drgn reads there. `dumps` is how many are kept, and `space` how
# many GiB they may take; `drgn` is the folder of its virtual environment, `program` what it runs, `core_program` what
# makes a dump one for gdb, and `gdb_program` what a person opens it by.
: "${guest:?}" "${reports:?}" "${build:?}" "${modules:?}" "${dumps:?}" "${space:?}" "${drgn:?}"
: "${program:?}" "${core_program:?}" "${gdb_program:?}"
. ../machine/lib/developer.sh
. ../machine/lib/panic.sh
. ../machine/lib/virsh.sh

# How many reports are kept: they are small.
kept_reports=20

# Has libvirt write the memory, compressed, without what would fill the disk. `no_dump` says why there is none.
take_dump() { # FOLDER
  local new=$1 memory free said file=$1/memory.kdump
  no_dump='' dumped=$SECONDS
  if [ "$dumps" = 0 ]; then
    no_dump='duet:host.crashes asks for none'
    return
  fi
  memory=$(virsh_in_time dominfo -- "$guest" | sed -n 's/^Max memory: *\([0-9]*\) KiB$/\1/p') || memory=0
  free=$(df --output=avail -k -- "$new" | tail -n 1)
  # It is the most that it may take.
  if [ "$free" -lt "$((memory))" ]; then
    no_dump="$((free >> 10)) MiB are free at $reports, and it may take $((memory >> 10)) MiB; free some"
    return
  fi
  # In the foreground it is of the group that is ended with the watcher.
  said=$(timeout --foreground -k 5 300 virsh -q -c "$uri" dump --memory-only --format kdump-zlib -- "$guest" "$file" \
    </dev/null 2>&1) || no_dump="libvirt says: $(head -n 1 <<<"${said:-nothing within 300 s}")"
  dumped=$((SECONDS - dumped))
  if [ -n "$no_dump" ]; then
    rm -f -- "$file"
    return
  fi
  chown "$uid:$gid" -- "$file"
  chmod 600 -- "$file"
  printf '%s' "$core_program" >"$new/core.py"
  printf '%s' "$gdb_program" >"$new/gdb.sh"
  chmod 755 -- "$new/gdb.sh"
  # The folder is root's, and what the developer makes for gdb is the developer's.
  : | tee "$new/core" >"$new/core.gdb"
  chown "$uid:$gid" -- "$new/core" "$new/core.gdb"
  # What the addresses mean, also once it was built anew: links, which cost nothing until then.
  for file in "$build/vmlinux" "${objects[@]}"; do
    # A copy over the link of another one of that name would be one over what was built.
    if [ -e "$new/${file##*/}" ]; then continue; fi
    ln -L -- "$file" "$new/" 2>/dev/null || cp -- "$file" "$new/" 2>/dev/null || true
  done
}

# The modules of the sources, and those of the kernel's own, with their symbols.
objects=() others=()
find_objects() {
  mapfile -t objects < <(find "$modules" -name '*.ko' 2>/dev/null)
  mapfile -t others < <(find "$build" -name '*.ko' 2>/dev/null)
}

# Has drgn read the dump: `analysis` and `dmesg` in the folder of the report. As the developer, who writes the symbols
# that it reads, and who cannot enter root's home: what drgn is, is mounted elsewhere for it alone.
read_dump() { # FOLDER
  local new=$1 at become pid said
  : >"$new/analysis"
  : >"$new/dmesg"
  if [ ! -e "$new/memory.kdump" ]; then return; fi
  if [ ! -x "$drgn/bin/python" ]; then
    printf '## The task\n\n    cannot be read: drgn is not there; run pulumi up, which brings it\n' >"$new/analysis"
    return
  fi
  pid=$(last_of_console 200 |
    sed -nE 's/.*INFO: task .*:([0-9]+) blocked .*/\1/p; s/.* PID: ([0-9]+) Comm: .*/\1/p' | tail -n 1)
  at=$(mktemp -d)
  chmod 755 "$at"
  become_developer
  become+=("$at/bin/python" -I -c "$program" "$build/vmlinux" "$pid" "${objects[@]}" "${others[@]}")
  # shellcheck disable=SC2016 # The variables are those of the shell in the other namespace.
  said=$(unshare --mount --propagation private \
    bash -c 'mount -n --bind -- "$1" "$2" && exec "${@:3}"' bash "$drgn" "$at" \
    timeout --foreground -k 5 180 "${become[@]}" \
    2>&1 3<"$new/memory.kdump" 4>"$new/dmesg" >"$new/analysis" </dev/null) ||
    printf '## The task\n\n    cannot be read: drgn says: %s\n\n' "$(tail -n 1 <<<"$said")" >>"$new/analysis"
  rmdir -- "$at"
}

# Keeps the last dumps, and the last reports. A dump that somebody has asked for has no report, and goes whole.
prune_reports() {
  local folder size count=0 bytes=0 all=0
  while IFS= read -r folder; do
    all=$((all + 1))
    if [ "$all" -gt "$kept_reports" ]; then
      rm -rf -- "$folder"
    elif [ -e "$folder/memory.kdump" ]; then
      size=$(stat -c %s -- "$folder/memory.kdump")
      count=$((count + 1)) bytes=$((bytes + size))
      if [ "$count" -gt "$dumps" ] || [ "$bytes" -gt "$((space << 30))" ]; then
        # One that is too large takes no other along.
        count=$((count - 1)) bytes=$((bytes - size))
        rm -f -- "$folder"/{memory.kdump,vmlinux,core*,gdb.sh,*.ko}
        if [ ! -e "$folder/report.txt" ]; then rm -rf -- "$folder"; fi
      fi
    fi
  done < <(find "$reports" -mindepth 1 -maxdepth 1 -type d -name '20*' | sort -r)
}
