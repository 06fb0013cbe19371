# The packages of a guest. Source: guide, steps 6 and 7.
: "${packages[0]:?}"
. ../machine/step.sh
. ../machine/lib/apt.sh
. ../machine/lib/since.sh

create() {
  require_programs
  install_packages "${packages[@]}"
}

# In what the steps of a guest are written. This is the first of them, and says so before one stumbles over it.
require_programs() {
  if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404)) &&
    [[ $(setpriv --help 2>/dev/null) == *--pdeathsig* ]]; then
    return
  fi
  die "cannot use this guest: Duet needs bash 4.4, and a setpriv that knows --pdeathsig (util-linux 2.33), and this" \
    "has bash $BASH_VERSION and $(setpriv --version 2>/dev/null); take an image of Debian 10, Ubuntu 20.04 or newer"
}

# dpkg writes the list of a package's files at each change of the package. Source: dpkg(1), FILES.
facts() {
  local lists=("${packages[@]/%/[.:]*list}")
  # shellcheck disable=SC2206 # They are patterns.
  lists=(${lists[@]/#//var/lib/dpkg/info/})
  if newer_than_record "${lists[@]}"; then package_facts "${packages[@]}"; else recorded ''; fi
}

run_step "$@"
