# What make says.

# Prints the line of a log in which a tool says what is wrong, and not the last, in which make says that something is:
# that a disk is full, of which others complain before it is said; what a compiler, a linker or modpost calls an error;
# else what make, or the shell before it, says of one.
first_error() { # LOG GREP-OPTION...
  local log=$1 error
  shift
  grep -m 1 "$@" -E -e 'No space left on device|Disk quota exceeded' -- "$log" && return
  error=$(grep -m 1 "$@" -E -e '(^|: )(fatal )?error: |undefined reference to |ERROR: modpost: ' -- "$log") || error=
  if [ -n "$error" ]; then
    where_written "$log" "$error"
    return
  fi
  grep -m 1 "$@" -E -e ': \*\*\* |: not found' -- "$log" ||
    tail -n 1 -- "$log"
}

# Prints an error of the compiler with the place at which a macro is used that has it: of a semicolon that lacks behind
# a pr_info it says first where the kernel has that macro. Source: GCC, -ftrack-macro-expansion.
where_written() { # LOG ERROR
  local place
  place=$(grep -xF -m 1 -A 60 -e "$2" -- "$1" |
    sed -n '2,${/: \(error\|warning\): /q;s/^\([^ ]*\): note: in expansion of macro .*/\1/p}' | tail -n 1) || true
  if [ -z "$place" ]; then
    printf '%s\n' "$2"
  else
    printf '%s: error: %s (in a macro of %s)\n' "$place" "${2#*error: }" "${2%%: *}"
  fi
}
