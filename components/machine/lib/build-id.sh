# Build ids, in hex.

# Puts the build id among the ELF notes of a file of notes, as those in /sys, into `id`; nothing if there is none. It
# starts no process: in a guest without KVM each is 30 ms. Source: elf(5), Nhdr: three words of sizes and type, then the
# name "GNU", then the id of 20 bytes.
read_build_id() { # FILE
  local at part byte notes LC_ALL=C
  id=
  mapfile -d '' -t notes 2>/dev/null <"$1" || notes=()
  for ((at = 6; at < ${#notes[@]}; at++)); do
    [ "${notes[at]}${notes[at - 3]}${notes[at - 6]}" = $'GNU\x03\x14' ] || continue
    while [ "${#id}" -lt 40 ] && ((++at < ${#notes[@]})); do
      part=${notes[at]}
      while [ -n "$part" ]; do
        printf -v byte %d "'$part"
        printf -v id %s%02x "$id" $((byte & 255))
        part=${part:1}
      done
      id+=00
    done
    id=${id:0:40}
    return
  done
}

# Prints the build id of an ELF file, or nothing. A server that does not answer is not waited for.
build_id_of() { # FILE
  local one two id
  while read -r one two id; do
    if [ "$one $two" = 'Build ID:' ]; then printf %s "$id"; fi
  done < <(LC_ALL=C timeout -s KILL 10 readelf -n -- "$1" 2>/dev/null)
}
