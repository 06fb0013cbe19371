# Commands that may never end.

# Runs a command for so long at most, and gives its status; 124 if it did not end. One that sleeps in the kernel cannot
# be killed: it is left behind, and so has to hold no pipe that somebody reads to its end.
in_time() { # SECONDS WORD...
  local seconds=$1 pid
  shift
  "$@" &
  pid=$!
  timeout "$seconds" tail -s 0.05 --pid="$pid" -f /dev/null || {
    disown "$pid" 2>/dev/null || true
    kill -KILL "$pid" 2>/dev/null && return 124
  }
  wait "$pid"
}
