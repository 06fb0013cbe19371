# What make says.

# Prints the line of a log in which a tool says what is wrong, and not the last, in which make says that something is:
# that a disk is full, of which others complain before it is said; what a compiler, a linker or modpost calls an error;
# else what make, or the shell before it, says of one.
first_error() { # LOG GREP-OPTION...
  local log=$1
  shift
  grep -m 1 "$@" -E -e 'No space left on device|Disk quota exceeded' -- "$log" ||
    grep -m 1 "$@" -E -e '(^|: )(fatal )?error: |undefined reference to |ERROR: modpost: ' -- "$log" ||
    grep -m 1 "$@" -E -e ': \*\*\* |: not found' -- "$log" ||
    tail -n 1 -- "$log"
}
