# The log of a guest's console, which libvirt's virtlogd writes as root, for the developer to read: a guest that panics
# says why there. A file that is there is written on; the next one, after two megabytes, is root's again.
: "${console:?}" "${uid:?}" "${gid:?}"
. ../machine/step.sh

create() {
  mkdir -p -- "$(dirname "$console")"
  : >>"$console"
  chown "$uid:$gid" -- "$console"
  chmod 600 -- "$console"
}

facts() {
  if [ -r "$console" ]; then fact console readable; else fact console 'not readable'; fi
}

delete() {
  rm -f -- "$console" "$console".[0-9]
  give_back_folder "$(dirname "$console")"
}

run_step "$@"
