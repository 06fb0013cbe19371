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

# Has the stub forget the breakpoints of a debugger that was killed: it keeps them, and the guest would stop at the next
# one. A client that attaches and detaches is all that takes. Source: QEMU, gdbstub, the packet D.
drop_breakpoints() { # PORT
  timeout -k 5 30 gdb -nx -batch -ex 'set tcp connect-timeout 10' -ex 'set remotetimeout 10' \
    -ex "target remote 127.0.0.1:$1" -ex detach </dev/null >/dev/null 2>&1 || true
}
