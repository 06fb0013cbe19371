# The keys of one guest, both sides, and how ssh reaches it. Hands on all four keys, in base64, a line each.
: "${folder:?}" "${guest:?}" "${config:?}"
. ../machine/step.sh
. ../machine/lib/files.sh

create() {
  local name
  umask 077
  install -d -m 700 -- "$folder"
  for name in client host; do
    [ -s "$folder/$name" ] || ssh-keygen -q -t ed25519 -N '' -C "duet $guest" -f "$folder/$name"
  done
  printf '%s %s\n' "$guest" "$(cut -d' ' -f1,2 "$folder/host.pub")" >"$folder/known_hosts"
  printf '%s' "$config" >"$folder/ssh_config"
  for name in client client.pub host host.pub; do
    base64 -w0 "$folder/$name"
    echo
  done
}

facts() {
  local name
  cd -- "$folder" || return
  for name in client client.pub host host.pub known_hosts ssh_config; do checksum_fact "$name" "$name"; done
}

delete() { rm -rf -- "$folder"; }

run_step "$@"
