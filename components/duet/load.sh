# The module in one guest: installed for the kernel that runs, loaded, and loaded at each boot. Source: guide, step 12.
: "${tree:?}" "${build:?}" "${module:?}"
: "${build_id?}" "${kernel:?}" # Others are loaded again.
. ../machine/step.sh
. ../machine/lib/build-id.sh
. ../machine/lib/files.sh
. ../machine/lib/since.sh

object=$tree/$module.ko
autoload=/etc/modules-load.d/$module.conf
loaded=/sys/module/$module

create() {
  local built_for wanted
  built_for=$(modinfo -F vermagic "$object" | cut -d' ' -f1)
  [ "$built_for" = "$(uname -r)" ] ||
    die "cannot load $module: it is built for kernel $built_for, and this guest runs $(uname -r);" \
      "boot that kernel with pulumi up"
  timeout 300 make -C "$build" "M=$tree" modules_install </dev/null >&2 ||
    die "cannot install $module: make modules_install failed, see its lines above"
  timeout 120 depmod </dev/null >&2
  printf '%s\n' "$module" | replace_file "$autoload"
  wanted=$(build_id_of "$object")
  # Another build that is loaded is replaced.
  if [ -d "$loaded" ] && { [ -z "$wanted" ] || [ "$(loaded_build_id)" != "$wanted" ]; }; then unload; fi
  [ -d "$loaded" ] || load
  [ "$(loaded_build_id)" = "$wanted" ] ||
    die "cannot load $object: modprobe loads another build, from $(modinfo -n "$module"); remove that file"
  result build-id "$wanted"
}

# Whether it is loaded, from which build, from which file at the next boot, and whether it is then. modprobe finds it by
# this list. The file is in no folder that leads to the sources, whose server may be dead.
facts() {
  local release name id
  read -r release </proc/sys/kernel/osrelease
  if [ -d "$loaded" ]; then fact module loaded; else fact module 'not loaded'; fi
  read_build_id "$loaded/notes/.note.gnu.build-id"
  fact 'module build' "$id"
  if newer_than_record "/lib/modules/$release/modules.dep" "/lib/modules/$release"/[!bs]*/"$module.ko"; then
    checksum_fact 'module file' "$(modinfo -n "$module" 2>/dev/null)"
  else
    recorded 'module file: '
  fi
  read -r name <"$autoload" || name=
  fact 'loaded at boot' "$name"
}

# Sources and build stay.
delete() {
  local file
  rm -f -- "$autoload"
  if [ -d "$loaded" ]; then unload; fi
  file=$(modinfo -n "$module" 2>/dev/null || true)
  if [ -n "$file" ] && [ -e "$file" ]; then
    rm -f -- "$file"
    timeout 120 depmod >&2
  fi
}

loaded_build_id() {
  local id
  read_build_id "$loaded/notes/.note.gnu.build-id"
  printf %s "$id"
}

# Takes the loaded module out, or says who holds it.
unload() {
  if timeout 60 rmmod "$module" 2>/dev/null || [ ! -d "$loaded" ]; then return; fi
  die "cannot unload $module: it is held by $(holders); end that and run this again"
}

# The programs that have a device of the module open, and the modules that use it; or how many do.
holders() {
  local pid names=()
  for pid in $({ find /proc/[0-9]*/fd -lname "/dev/$module*" 2>/dev/null || true; } | cut -d/ -f3 | sort -un); do
    names+=("$(cat "/proc/$pid/comm" 2>/dev/null) (pid $pid)")
  done
  for name in "$loaded"/holders/*; do
    if [ -e "$name" ]; then names+=("${name##*/} (module)"); fi
  done
  if [ "${#names[@]}" = 0 ]; then names=("a use count of $(cat "$loaded/refcnt" 2>/dev/null)"); fi
  printf '%s' "${names[0]}"
  if [ "${#names[@]}" -gt 1 ]; then printf ', %s' "${names[@]:1}"; fi
}

# Puts the installed module in, or says what the kernel has against it.
load() {
  local mark errors why reasons='(Unknown symbol|version magic|disagrees about|module verification|Loading of)'
  mark="loading $module, $(date +%s%N)"
  printf '%s\n' "$mark" >/dev/kmsg
  if errors=$(timeout 120 modprobe "$module" 2>&1); then return; fi
  why=$(dmesg | sed -e "0,/$mark/d" -e 's/^\[[ 0-9.]*\] //' | { grep -E -e "$module: $reasons" || true; } |
    sort -u | head -n 5 | paste -sd';' | sed 's/;/; /g')
  why=${why:-$errors}
  die "cannot load $module: the kernel refuses it: ${why//$'\n'/ }"
}

run_step "$@"
