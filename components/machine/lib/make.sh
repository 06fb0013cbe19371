# What make says.
. ./die.sh

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

# Runs words that call make; their lines stream, and go to a log. Not through a pipe: make has to be this shell's own
# child, or it would not end with it.
make_logged() { # WHAT LOG WORD...
  local what=$1 log=$2 status=0 tee
  : >"$log"
  exec 8> >(tee -a -- "$log" >&2)
  tee=$!
  "${@:3}" </dev/null >&8 2>&1 8>&- || status=$?
  # The log is whole when tee has ended, unless there was no room for it.
  exec 8>&-
  wait "$tee" || [ "$status" = 0 ] ||
    die "cannot build $what: the disk of ${log%/*} is full, also for the log; free some of it, then run this again"
  [ "$status" = 0 ] || die "cannot build $what: $(first_error "$log" -n); make ended with status $status," \
    "and the whole log is $log"
}
