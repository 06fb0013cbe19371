# Facts that follow from files alone: while none of the files is newer than the record of the step, they are what was
# recorded, and no process is started to read them again: in a guest without KVM each costs 25 ms. A file that was
# replaced by an older one, its time and all, is not noticed.
. ../step.sh
. ./files.sh

# Whether one of the files is missing, or newer than the step's record.
newer_than_record() { # FILE...
  local file
  for file; do
    if [ ! -e "$file" ] || [ "$file" -nt "$record" ]; then return 0; fi
  done
  return 1
}

# Prints the recorded facts whose keys begin so.
recorded() { # KEY...
  local line key
  while IFS= read -r line; do
    for key; do
      case $line in "$key"*) printf '%s\n' "$line" ;; esac
    done
  done <"$record"
}

# Prints the fact WHAT: a checksum of the file, which is read again only if it is newer than the record.
lasting_checksum() { # WHAT FILE
  if newer_than_record "$2"; then checksum_fact "$1" "$2"; else recorded "$1: "; fi
}
