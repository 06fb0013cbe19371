# Who is at a gdb stub, which goes by what gdb's `target remote` takes: 127.0.0.1:PORT, or the path of a socket.

# Prints the process which listens there, by name and pid, unless it is the QEMU of this guest.
stub_taken() { # STUB GUEST
  local pid
  for pid in $(listeners "$1" | grep -o 'pid=[0-9]*' | cut -d= -f2 | sort -u); do
    if ! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF -e "guest=$2,"; then
      printf 'process %s (%s)' "$pid" "$(<"/proc/$pid/comm")"
    fi
  done
}

listeners() { # STUB
  case $1 in
    /*) ss -Hlxp src "$1" ;;
    *) ss -Hltnp "sport = :${1##*:}" ;;
  esac
}

# Prints the debugger that is attached to the stub, by name and pid. Those of somebody else's process only root sees.
attached() { # STUB
  clients "$1" | sed -n -e 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (pid \2)/p;t' \
    -e 's/.*/a debugger of another user/p' | head -n 1
}

# Prints the far ends of the connections of a stub, a line each.
clients() { # STUB
  case $1 in
    # A guest that has never come up whole.
    '') ;;
    # The end that QEMU has accepted has the path, and tells the number of the other one.
    /*)
      ss -Hxp state established |
        awk -v stub="$1" '{ line[$5] = $0 } $4 == stub { far[$7] } END { for (number in far) print line[number] }'
      ;;
    *) ss -Htnp state established "dport = :${1##*:}" ;;
  esac
}

# Has the stub forget the breakpoints of a debugger that was killed: it keeps them, and the guest would stop at the next
# one. A client that attaches and detaches is all that takes. Source: QEMU, gdbstub, the packet D.
drop_breakpoints() { # STUB
  timeout -k 5 30 gdb -nx -batch -ex 'set tcp connect-timeout 10' -ex 'set remotetimeout 10' \
    -ex "target remote $1" -ex detach </dev/null >/dev/null 2>&1 || true
}
