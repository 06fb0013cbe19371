# The symbols of the kernel and of the Duet module, where perf and others look for them.
: "${build:?}" "${module:?}" "${release:?}"

debug=/usr/lib/debug
modules=lib/modules/$release
# The module is installed with its symbols, in a folder of its own: module-load.sh.
of_module=$modules/updates/duet-${module//-/_}

# A link to the build that guests share is enough. What the package of symbols has put there stays.
link_symbols() {
  unlink_symbols
  mkdir -p -- "$debug/${of_module%/*}"
  if [ ! -e "$debug/$modules/vmlinux" ]; then ln -s -- "$build/vmlinux" "$debug/$modules/vmlinux"; fi
  ln -s -- "/$of_module" "$debug/$of_module"
  # Root is nobody at the NFS server.
  [ -r "$debug/$modules/vmlinux" ] || say "perf cannot read $build/vmlinux as root: its folders are closed to others;" \
    "open them, or ask for duet:kernel: { packages: [debug] }"
}

symbols_facts() {
  find "$debug/$modules/vmlinux" "$debug/$of_module" -maxdepth 0 -printf '%p: to %l\n'
}

# Removes the links, those of earlier kernels too, and the folders that are empty then.
unlink_symbols() {
  local link
  if [ ! -d "$debug" ]; then return; fi
  for link in "$debug"/lib/modules/*/{vmlinux,updates/duet-*}; do
    if [ -L "$link" ]; then rm -- "$link"; fi
  done
  find "$debug/lib" -depth -type d -empty -delete 2>/dev/null || true
  rmdir -- "$debug" 2>/dev/null || true
}
