# In a guest: an oops is a panic, which leaves the guest as it was then, and not a guest that goes on without a task;
# and the console has all messages, which is where the guest is watched. Loading a module is left out of the first one:
# it tells by itself what became of it.
. ../machine/step.sh
. ../machine/lib/files.sh
. ../machine/lib/since.sh

settings=/etc/sysctl.d/60-duet-crash.conf
wanted=$'kernel.panic_on_oops = 1\nkernel.printk = 7 4 1 7'

create() {
  mkdir -p -- "${settings%/*}"
  printf '%s\n' "$wanted" | replace_file "$settings"
  apply
}

facts() {
  local value level oops='goes on'
  lasting_checksum 'settings of crashes' "$settings"
  read -r value </proc/sys/kernel/panic_on_oops
  read -r level _ </proc/sys/kernel/printk
  # The kernel raises it itself once it has warned of something. Source: console_verbose() in include/linux/printk.h.
  if [ "$level" -gt 7 ]; then level=7; fi
  if [ "$value" = 1 ]; then oops=stops; fi
  fact 'an oops' "$oops, console level $level"
}

delete() {
  rm -f -- "$settings"
  printf '0\n' >/proc/sys/kernel/panic_on_oops
}

apply() {
  local key value
  while IFS='=' read -r key value; do
    key=${key// /}
    printf '%s\n' "${value# }" >"/proc/sys/${key//./\/}"
  done <<<"$wanted"
}

run_step "$@"
