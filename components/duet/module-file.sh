# The file of a module, below the folder where make has made it. The kernel takes a hyphen in its name for an
# underscore, and so may who asks for it.
: "${objects:?}" "${module:?}"

pattern=${module//[-_]/[-_]}.ko
# The name by which the kernel calls it.
# shellcheck disable=SC2034 # module-load.sh looks for it.
called=${module//-/_}

# Prints the path of the module's file, wherever make has put it there; nothing if there is none.
find_object() {
  if [ -e "$objects/$module.ko" ]; then
    printf '%s\n' "$objects/$module.ko"
  else
    # find fails if it cannot go back to where it began, which may be a home of root's.
    (cd / && as_developer find "$objects" -name '.?*' -prune -o -type f -name "$pattern" -print -quit 2>/dev/null)
  fi
}
