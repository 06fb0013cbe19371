# Who is at the port of a gdb stub.

# Prints the process which listens there, by name and pid, unless it is the QEMU of this guest.
port_taken() { # PORT GUEST
  local pid
  for pid in $(ss -Hltnp "sport = :$1" | grep -o 'pid=[0-9]*' | cut -d= -f2 | sort -u); do
    if ! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF -e "guest=$2,"; then
      printf 'process %s (%s)' "$pid" "$(<"/proc/$pid/comm")"
    fi
  done
}

# Prints the debugger that is attached to the stub which listens there, by name and pid.
attached() { # PORT
  ss -Htnp state established "dport = :$1" | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (pid \2)/p' | head -n 1
}
