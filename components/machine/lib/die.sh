# What a script says to the person at the terminal.

# Says something on the way.
say() { printf '%s\n' "$*" >&2; }

# Ends the script with one line: cannot X: Y; do Z.
die() {
  say "$@"
  exit 1
}
