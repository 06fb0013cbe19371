# Work that is done as the developer, who owns the sources: git trusts a tree only of its owner, and what a compiler
# writes belongs to who edits.
: "${uid:?}" "${gid:?}"
. ./die.sh
. ./environment.sh

# Runs words as the developer, with the developer's home and nothing else of root's environment than a step has.
as_developer() { # WORD...
  local become
  become_developer
  "${become[@]}" "$@"
}

# Puts the words that do so into the array `become`: for a process that has to be this shell's own child.
become_developer() {
  local user='' home=''
  IFS=: read -r user _ _ _ _ home _ < <(getent passwd "$uid") || true
  become=("${enter[@]}" "${change_user[@]}")
  become+=(env -i LC_ALL=C "${for_developer[@]}" HOME="$home" USER="$user" LOGNAME="$user")
}

# Words that enter another network namespace. Only root can, so they come before those that make it the developer.
enter=()

# The words that make it the developer. What they run gets a SIGTERM when the shell that started it dies: make passes
# that on to its compilers. Source: setpriv(1), `--pdeathsig`: it is set after the change of user, which would clear it.
change_user=(setpriv --pdeathsig TERM)
# The developer's own steps have nobody to become.
if [ "$EUID" != "$uid" ]; then change_user+=(--reuid "$uid" --regid "$gid" --clear-groups); fi

# Runs a function of this script as the developer, with the functions that it needs. It sees no variable of this script.
developer_does() { # FUNCTIONS FUNCTION WORD...
  local functions
  # shellcheck disable=SC2086 # Names of functions.
  functions=$(declare -f die say $1 "$2")
  as_developer bash -c "set -euo pipefail; $functions"$'\n''"$@"' bash "${@:2}"
}
