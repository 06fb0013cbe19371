# Files of a machine.
. ../step.sh

# Replaces a file with standard input, whole or not at all.
replace_file() {
  cat >"$1.new"
  mv -- "$1.new" "$1"
}

# Prints the fact WHAT: a checksum of the file, empty if it cannot be read. It costs one process.
checksum_fact() { # WHAT FILE
  local sum
  read -r sum _ < <(sha256sum 2>/dev/null <"$2") || sum=
  fact "$1" "${sum:0:16}"
}
