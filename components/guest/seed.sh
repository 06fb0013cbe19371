# The disk from which cloud-init takes what the guest is to be. Standard input is the user data, which holds keys.
# Source: cloud-init's documentation, data source "NoCloud".
: "${folder:?}" "${file:?}" "${meta_data:?}"
. ../machine/step.sh
. ../machine/lib/files.sh

create() {
  umask 077
  scratch=$(mktemp -d -p "$folder")
  trap 'rm -rf -- "$scratch"' EXIT
  cat >"$scratch/user-data"
  printf %s "$meta_data" >"$scratch/meta-data"
  mkisofs -quiet -volid cidata -joliet -rock -o "$scratch/iso" "$scratch/user-data" "$scratch/meta-data" >&2
  mv -- "$scratch/iso" "$file"
}

facts() { checksum_fact seed "$file"; }

run_step "$@"
