# In a guest: events for gdb to stop at, until a file says that it has; or, if nobody does, for a minute.
: "${task:?}"
duet start >/dev/null
mkdir -p /var/tmp/t
rm -f /run/duet-seen
for _ in $(seq 60); do
  if [ -e /run/duet-seen ]; then break; fi
  "$task" -f 1 -s 1 -n 1 -t 5 /var/tmp/t >/dev/null 2>&1 || sleep 1
done
rm -f /run/duet-seen
