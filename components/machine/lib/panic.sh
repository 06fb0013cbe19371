# What the kernel of a guest said on its console as it went down.
: "${guest:?}" "${console:?}"
: "${tree:?}" "${build:?}" "${modules:?}" # Where the sources, vmlinux and the modules' objects are.
. ./developer.sh
. ./source-line.sh
. ./virsh.sh

# Whether the last lines of the console are those of a panic. A kernel that tells QEMU of it is stopped before the very
# last one, and what is above may be of an earlier boot: so libvirt is asked, too.
panicked() {
  grep -qF -e 'end Kernel panic' < <(tail -n 5 -- "$console" 2>/dev/null) && return
  grep -qF -e 'Kernel panic - not syncing' < <(tail -n 150 -- "$console" 2>/dev/null) && is_crashed
}

# Whether QEMU has stopped the guest for a panic.
is_crashed() { [ "$(virsh_in_time domstate -- "$guest" 2>/dev/null)" = crashed ]; }

# Ends the lines in which a panic is looked for, before a new boot.
forget_panic() { { printf '\n\n\n\n\n' >>"$console"; } 2>/dev/null || true; }

# The last lines of the console.
last_of_console() { # LINES
  tail -n "$1" -- "$console" 2>/dev/null | tr -d '\r'
}

# In a line of a trace: the release of the kernel that speaks. Source: dump_stack_print_info() in lib/dump_stack.c.
speaker='(Not tainted|Tainted: [A-Z ]+) ([^ ]+) #[0-9]'

# Whether a kernel may be the one that was built: of another one vmlinux knows no line.
may_be_built() { # RELEASE
  local built
  { [ -n "$1" ] && read -r built <"$build/include/config/kernel.release"; } 2>/dev/null || return 0
  [ "$1" = "$built" ]
}

# Puts file and line in the place of addresses, if that can be done. The scripts are the developer's.
decoded() {
  local text release=''
  text=$(cat)
  if [[ $text =~ $speaker ]]; then release=${BASH_REMATCH[2]}; fi
  may_be_built "$release" &&
    as_developer timeout 60 "$tree/scripts/decode_stacktrace.sh" "$build/vmlinux" "$tree" "$modules" <<<"$text" \
      2>/dev/null || printf '%s\n' "$text"
}

# What is before the kernel's words: the prompt at which it has interrupted, the time, and who speaks.
stamp='^.*\[ *[0-9]+\.[0-9]+\](\[ *[TC][0-9]+\])?'

# Who reports, or only waits, in a stack.
reporters='^(dump_stack|v?panic|check_panic_on_warn|__warn|report_bug|watchdog|kthread|kasan_|print_report|__asan_'
reporters+='|print_address_description|end_report|print_\w+_bug|check_noncircular|check_prev|validate_chain'
reporters+='|__lock_acquire|lock_acquire|_*mutex_lock|_raw_\w+_lock|_*schedule|rwsem_down_|_*down_|wait_for_completion)'

# Prints in a line what the panic was, where that is in the sources, and where in a module it came from.
panic_story() { # [LOG-OF-THE-KERNEL]
  local line said='' at='' from='' is_exact='' release='' frame='^[A-Za-z_][^ ]*\+0x[0-9a-f]+/0x[0-9a-f]+'
  while IFS= read -r line; do
    line=${line#"${line%%[! ]*}"}
    if [[ $line =~ $speaker ]]; then release=${BASH_REMATCH[2]}; fi
    case $line in
      'Linux version '*) said='' at='' from='' is_exact='' ;;
      # What it is called once more.
      *'invalid opcode: '*) said=${said:-$line} ;;
      'BUG: '* | 'kernel BUG at '* | 'WARNING: '* | 'INFO: task '* | 'watchdog: BUG: '* | \
        *'general protection fault'* | *'divide error: '* | *'stack segment: '* | *'int3: '* | *'double fault'*)
        said=$line at='' from='' is_exact=''
        ;;
      # Follows what the kernel could not survive, at once.
      'Kernel panic - not syncing: Fatal '* | 'Kernel panic - not syncing: hung_task'* | *': panic_on_warn set'* | \
        *'kasan.fault=panic set'* | 'Kernel panic - not syncing: softlockup'*)
        said=${said:-$line}
        ;;
      'Kernel panic - not syncing: '*) said=$line at='' from='' is_exact='' ;;
      # Above are the places where the locks were taken before.
      'stack backtrace:'*) at='' from='' is_exact='' ;;
      'RIP: 0010:'*) if [ -z "$at" ]; then at=${line#RIP: 0010:} is_exact=yes; fi ;;
      *) if [[ $line =~ $frame ]] && { [[ $line == *']' ]] || ! [[ $line =~ $reporters ]]; }; then
        at=${at:-$line}
        if [[ $line == *']' ]]; then from=${from:-$line}; fi
      fi ;;
    esac
  done < <(if [ -n "${1-}" ]; then tail -n 400 -- "$1"; else last_of_console 200; fi | sed -E "s/$stamp//")
  if [ "$from" = "$at" ] || [[ $at == *']' ]]; then from=; fi
  printf '%s' "${said#Kernel panic - not syncing: }"
  if [ -z "$at" ]; then return; fi
  if ! may_be_built "$release"; then
    printf '; at %s of kernel %s, which is not the one that was built' "$at" "$release"
    return
  fi
  printf '; at %s' "$(with_line "$at" "$is_exact")"
  if [ -n "$from" ]; then printf ', from %s' "$(with_line "$from")"; fi
}

# Prints a place, `f+0x5/0x10` or `f+0x5/0x10 [MODULE]`, with its file and line if they can be told. A module's function
# may have another size in the kernel than in its object; and decode_stacktrace.sh knows one section of a module only.
# All but the place of an exception are where a call returns to: behind one that never does there may be nothing.
with_line() { # PLACE [IS-EXACT]
  local symbol=${1%% *} module='' object=$build/vmlinux line offset
  if [ -z "${2-}" ]; then
    offset=${symbol#*+}
    symbol=$(printf '%s+0x%x/%s' "${symbol%%+*}" $((${offset%/*} - 1)) "${offset#*/}")
  fi
  if [[ $1 == *' ['* ]]; then
    module=${1#* [}
    module=${module%%[] ]*}
    symbol=${symbol%/*}
    object=$(find "$modules" -name "${module//_/[-_]}.ko" -print -quit 2>/dev/null) || true
  fi
  line=$(source_line "$tree" "$object" "$symbol")
  if [ -n "$line" ]; then printf '%s (%s)%s' "${1%%+*}" "$line" "${module:+ [$module]}"; else printf '%s' "$1"; fi
}
