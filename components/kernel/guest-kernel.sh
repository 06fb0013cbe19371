# What the guest says of its own kernel: the configuration of its distribution, or the list of its loaded modules. Kept
# from the first time on: a Duet kernel that runs already has lost the modules that it was built without.
# Source: guide, step 8.
: "${what:?}"
. ../machine/step.sh

kept=/var/lib/duet/kernel-$what

create() {
  mkdir -p /var/lib/duet
  if [ ! -s "$kept" ]; then
    "read_$what" >"$kept.new"
    mv -- "$kept.new" "$kept"
  fi
  cat -- "$kept"
}

# None is an error of the step that asks for it, which knows the other choices.
read_config() {
  local file
  file=$(printf '%s\n' /boot/config-* | { grep -vF -e +duet || true; } | sort -V | tail -n 1)
  cat -- "$file" 2>/dev/null || true
}

read_modules() { lsmod; }

run_step "$@"
