# A folder for the socket of a gdb stub, which QEMU makes anew at each start of the guest: only QEMU and the developer
# enter it. Source: guide, step 4; qemu(1), -gdb; acl(5).
: "${socket:?}" "${uid:?}" "${configuration:?}"
. ../machine/step.sh
. ../machine/lib/files.sh

folder=$(dirname -- "$socket")

create() {
  local user
  user=$(qemu_user)
  install -d -m 755 -- "$(dirname -- "$folder")"
  # Whatever is made in it is open to both, whoever makes it.
  install -d -m 700 -o "$user" -- "$folder"
  setfacl --set "u::rwx,u:$uid:rwx,g::-,m::rwx,o::-,d:u::rwx,d:u:$uid:rwx,d:g::-,d:m::rwx,d:o::-" -- "$folder" ||
    die "cannot open $folder to uid $uid: its file system has no access lists, or setfacl is missing; leave out" \
      "duet:host.stub"
  printf '%s\n' "$socket"
}

facts() { fact 'stub is open to' "$(getfacl -cpE -- "$folder" 2>/dev/null | sort | paste -sd' ')"; }

delete() {
  rm -f -- "$socket"
  rmdir -- "$folder" 2>/dev/null || return 0
  give_back_folder "$(dirname -- "$folder")"
}

# Prints whom libvirt runs QEMU as. Source: qemu.conf, user; the defaults are those of the distributions' packages.
qemu_user() {
  local user
  user=$(sed -n 's/^ *user *= *"\{0,1\}+\{0,1\}\([^"]*\)"\{0,1\} *$/\1/p' -- "$configuration" 2>/dev/null | tail -n 1)
  for user in $user libvirt-qemu qemu; do
    if id -u -- "$user" >/dev/null 2>&1; then printf '%s\n' "$user" && return; fi
  done
  die 'cannot tell whom libvirt runs QEMU as: there is neither libvirt-qemu nor qemu; name it in qemu.conf'
}

run_step "$@"
