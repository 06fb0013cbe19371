# Work that is done as the developer, who owns the sources: git trusts a tree only of its owner, and what a compiler
# writes belongs to who edits.
: "${uid:?}" "${gid:?}"
. ./die.sh

# Runs words as the developer, with the developer's home and none of root's settings. They get a SIGTERM when the shell
# that started them dies: make passes that on to its compilers. Source: setpriv(1), `--pdeathsig`: it is set after the
# change of user, which would clear it.
as_developer() { # WORD...
  local home
  home=$(getent passwd "$uid" | cut -d: -f6) || true
  "${enter[@]}" setpriv --reuid "$uid" --regid "$gid" --clear-groups --pdeathsig TERM \
    env -u XDG_CONFIG_HOME -u XDG_CACHE_HOME -u XDG_RUNTIME_DIR HOME="$home" "$@"
}

# Words that enter another network namespace. Only root can, so they come before those that make it the developer.
enter=()

# Runs a function of this script as the developer, with the functions that it needs. It sees no variable of this script.
developer_does() { # FUNCTIONS FUNCTION WORD...
  local functions
  # shellcheck disable=SC2086 # Names of functions.
  functions=$(declare -f die say $1 "$2")
  as_developer bash -c "set -euo pipefail; $functions"$'\n''"$@"' bash "${@:2}"
}
