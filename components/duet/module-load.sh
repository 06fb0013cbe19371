# The module in one guest: installed for the kernel that runs, loaded, and loaded at each boot. Source: guide, step 12.
: "${kernel_tree:?}"
: "${build_id?}" "${kernel:?}" # Others are loaded again.
. ../machine/step.sh
. ../machine/lib/build-id.sh
. ../machine/lib/developer.sh
. ../machine/lib/files.sh
. ../machine/lib/in-time.sh
. ../machine/lib/since.sh
. ../machine/lib/source-line.sh
. ./module-file.sh
. ./module-probation.sh

# Where the kernel that runs finds it, and what else make has made beside it: a folder of its own.
modules=/lib/modules/$(</proc/sys/kernel/osrelease)
installed=$modules/updates/duet-$called

# Whether an oops is a panic.
on_oops=/proc/sys/kernel/panic_on_oops

create() {
  local object copy built_for wanted
  object=$(find_object)
  [ -n "$object" ] || die "cannot load $module: there is no $module.ko below $objects; run pulumi up, which builds it"
  work=$(mktemp -d)
  trap 'rm -rf -- "$work"' EXIT
  copy_modules "$object"
  copy=$work/modules/${object##*/}
  built_for=$(modinfo -F vermagic "$copy" | cut -d' ' -f1)
  [ "$built_for" = "$(uname -r)" ] ||
    die "cannot load $module: it is built for kernel $built_for, and this guest runs $(uname -r);" \
      "boot that kernel with pulumi up"
  install_modules
  have_loaded_at_boot
  wanted=$(build_id_of "$copy")
  # Another build that is loaded is replaced, and so is one that never came to life.
  if [ -d "$loaded" ] && { [ -z "$wanted" ] || [ "$(loaded_build_id)" != "$wanted" ] || ! is_live; }; then unload; fi
  if [ ! -d "$loaded" ]; then
    load
  elif [ -e "$mark" ] && ! on_probation; then
    begin_probation
  fi
  [ "$(loaded_build_id)" = "$wanted" ] ||
    die "cannot load $object: modprobe loads another build, from $(modinfo -n "$module"); remove that file"
  result build-id "$wanted"
}

# Whether it is loaded, from which build, from which file at the next boot, and whether it is then. modprobe finds it by
# this list. The file is in no folder that leads to the sources, whose server may be dead.
facts() {
  local id state
  if [ -d "$loaded" ]; then
    state=loaded
    # A probation that has ended while systemd was asked has taken the mark with it.
    if [ -e "$mark" ] && ! on_probation && [ -e "$mark" ] && is_live; then
      state='loaded by hand, and would not be at the next boot'
    fi
  # One that somebody has taken out meanwhile has not failed.
  elif [ -e "$mark" ] && ! on_probation; then
    state='not loaded, since it did not live for long after its last load'
  else
    state='not loaded'
  fi
  is_live || state+=", but $(unreturned) has not returned"
  fact module "$state"
  read_build_id "$loaded/notes/.note.gnu.build-id"
  fact 'module build' "$id"
  if newer_than_record "$modules/modules.dep" "$installed"/*.ko; then
    checksum_fact 'module file' "$(modinfo -n "$module" 2>/dev/null)"
  else
    recorded 'module file: '
  fi
  unit_facts
}

identity() { printf '%s\n' "$called"; }

# Sources and build stay.
delete() {
  rm -f -- "$wanted_by" "$unit_file" "$blacklist"
  if [ -d "$loaded" ]; then unload; fi
  end_probation
  if [ -e "$installed" ]; then
    rm -rf -- "$installed"
    timeout 120 depmod >&2
  fi
}

loaded_build_id() {
  local id
  read_build_id "$loaded/notes/.note.gnu.build-id"
  printf %s "$id"
}

# Whether its init function has returned: one that crashed never does. A module that is not loaded counts as one.
is_live() {
  local state=live
  if [ -e "$loaded/initstate" ]; then read -r state <"$loaded/initstate"; fi
  [ "$state" = live ]
}

# Puts the module, and what make has made with it, into $work/modules. Over NFS root is nobody: the developer reads.
copy_modules() { # OBJECT
  mkdir "$work/modules"
  developer_does '' pack_modules "$objects" "$1" | tar -xf - -C "$work/modules"
}

# As the developer: the modules of a tree without their folders, since the kernel knows each name but once. make lists
# them; others are left from an earlier Makefile.
pack_modules() { # TREE OBJECT
  local file made
  cd -- "$1"
  made=$(sed -e 's|.*/||' -e 's|\.k*o$|.ko|' modules.order 2>/dev/null) || true
  find . -name '.?*' -prune -o -type f -name '*.ko' -print | while IFS= read -r file; do
    if [ "$file" -ef "$2" ] || grep -qxF -e "${file##*/}" <<<"$made"; then printf '%s\0' "$file"; fi
  done | tar --null -T - --transform 's|.*/||' -cf -
}

# A copy is all that make modules_install would make, and takes a tenth of the time; depmod lists what is another.
install_modules() {
  if diff -rq -- "$work/modules" "$installed" >/dev/null 2>&1 &&
    [ "$modules/modules.dep" -nt "$installed" ]; then return; fi
  mkdir -p -- "${installed%/*}"
  rm -rf -- "$installed"
  cp -r -- "$work/modules" "$installed"
  # What an earlier version of this step has installed.
  rm -f -- "$modules/extra/$module.ko"
  timeout 120 depmod </dev/null >&2
}

# The function in which a module is that is not live.
unreturned() {
  case $(<"$loaded/initstate") in coming) printf 'its init function' ;; *) printf 'its exit function' ;; esac
}

# Takes the loaded module out, or says who holds it.
unload() {
  is_live || say_stuck
  if in_time 60 rmmod "$module" >/dev/null 2>&1 || [ ! -d "$loaded" ]; then return; fi
  is_live || say_stuck
  die "cannot unload $module: it is held by $(holders); end that and run this again"
}

say_stuck() {
  die "cannot unload $module: $(unreturned) has not returned, and only a reboot takes it out;" \
    "reboot the guest, and run this again"
}

# The programs that have a device of the module open, the mounts and the modules that use it; or how many do.
holders() {
  local pid names=() device=/dev/${module//[-_]/?}
  for pid in $({ find /proc/[0-9]*/fd -lname "$device*" 2>/dev/null || true; } | cut -d/ -f3 | sort -un); do
    names+=("$(cat "/proc/$pid/comm" 2>/dev/null) (pid $pid)")
  done
  for name in "$loaded"/holders/*; do
    if [ -e "$name" ]; then names+=("${name##*/} (module)"); fi
  done
  while IFS= read -r name; do names+=("$name (mount)"); done < <(findmnt -rno TARGET -t "$called")
  if [ "${#names[@]}" = 0 ]; then names=("a use count of $(cat "$loaded/refcnt" 2>/dev/null)"); fi
  printf '%s' "${names[0]}"
  if [ "${#names[@]}" -gt 1 ]; then printf ', %s' "${names[@]:1}"; fi
}

# Puts the installed module in, or says what the kernel has against it.
load() {
  local begun said why stops code=0
  local reasons="$called: (Unknown symbol|version magic|disagrees about|module verification|Loading of)"
  local faults='BUG|Oops|WARNING|kernel BUG|general protection fault|divide error|int3|stack segment|watchdog: BUG'
  begun="loading $module, $(date +%s%N)"
  printf '%s\n' "$begun" >/dev/kmsg
  end_probation
  # A crash of its init function is told here, which takes a guest that goes on.
  read -r stops <"$on_oops"
  if [ "$stops" != 0 ]; then printf '0\n' >"$on_oops"; fi
  insert || code=$?
  if [ "$stops" != 0 ]; then printf '%s\n' "$stops" >"$on_oops"; fi
  said=$(dmesg | sed -e "0,/$begun/d" -Ee 's/^\[[ 0-9.]*\](\[ *[TC][0-9]+\])? ?//')
  why=$({ grep -E -e "$reasons" -e "^($faults)" <<<"$said" || true; } |
    sort -u | head -n 5 | paste -sd';' | sed 's/;/; /g')$(crashed_at "$said")
  case $code in
    0) if [ -n "$why" ]; then say "module $module is loaded, and meanwhile the kernel said: $why"; fi ;;
    124) die "cannot load $module: its init function has not returned for $patience s${why:+: $why};" \
      "reboot the guest, and run this again" ;;
    *)
      why=${why:-$(<"$work/errors")}
      die "cannot load $module: the kernel refuses it: ${why//$'\n'/ }"
      ;;
  esac
}

# Where in the module the kernel crashed or warned, by file and line: its line is `RIP: 0010:f+0x5/0x10 [duet]`.
# The size is the kernel's, which may not be the object's.
crashed_at() { # MESSAGES
  local place line
  place=$(sed -n "s/^RIP: [0-9]*:\([^ ]*\) \[$called\].*/\1/p" <<<"$1" | head -n 1)
  if [ -z "$place" ]; then return; fi
  line=$(source_line "$kernel_tree" "$(find_object)" "${place%/*}")
  if [ -n "$line" ]; then place="${place%%+*} ($line)"; fi
  printf ', at %s' "$place"
}

run_step "$@"
