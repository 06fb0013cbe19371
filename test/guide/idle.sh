# What a watcher, and all that it has started, takes while nothing happens: milliseconds of a processor in a minute, and
# kibibytes of memory that nobody else has.
: "${pid_file:?}"

pid=$(<"$pid_file")
each() { for one in $(pgrep -g "$pid"); do cat "/proc/$one/$1"; done; }
ticks() { each stat | awk '{ sum += $14 + $15 } END { print sum }'; }

first=$(ticks)
sleep 30
second=$(ticks)
printf '%s %s\n' "$(((second - first) * 2000 / $(getconf CLK_TCK)))" \
  "$(each smaps_rollup | awk '/^Pss:/ { sum += $2 } END { print sum }')"
