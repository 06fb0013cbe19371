# The packages of a guest. Source: guide, steps 6 and 7.
: "${packages[0]:?}"
. ../machine/step.sh
. ../machine/lib/apt.sh
. ../machine/lib/since.sh

create() { install_packages "${packages[@]}"; }

# dpkg writes the list of a package's files at each change of the package. Source: dpkg(1), FILES.
facts() {
  local lists=("${packages[@]/%/[.:]*list}")
  # shellcheck disable=SC2206 # They are patterns.
  lists=(${lists[@]/#//var/lib/dpkg/info/})
  if newer_than_record "${lists[@]}"; then package_facts "${packages[@]}"; else recorded ''; fi
}

run_step "$@"
