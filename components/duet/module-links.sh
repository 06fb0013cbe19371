# The sources of a module as links in another folder, for one of several kernels: each has an object of its own, with
# the lines of the sources.
: "${tree:?}" "${objects:?}" "${made_note:?}"
. ../machine/step.sh
. ../machine/lib/developer.sh
. ../sources/content.sh

link_sources() {
  # shellcheck disable=SC2034 # make.sh tells of the sources in its place.
  links=$objects
  as_developer mkdir -p -- "$objects"
  developer_does '' link_into "$tree" "$objects" "$made_note" "${products[@]}"
}

# Links all files but products, and what make has left in the tree for another kernel: it is made again here.
link_into() { # TREE OBJECTS MADE-NOTE PRODUCT...
  local file name left=()
  for name in "${@:4}"; do left+=(-o -name "$name"); done
  # What went from the tree goes here, and what is another kind of file by now. find has to be able to go back to where
  # it began, which may be a home of root's.
  cd -- "$2" || return
  find . -type l -delete
  cd -- "$1" || return
  find . '(' "${left[@]:1}" ')' -prune -o '(' -type f -o -type l ')' -printf '%P\n' |
    grep -vxF -f <(sed 's/^[^ ]*  //' -- "$3" 2>/dev/null) |
    while IFS= read -r file; do
      if [ -d "$2/$file" ]; then rm -rf -- "${2:?}/$file"; fi
      mkdir -p -- "$(dirname -- "$2/$file")"
      ln -sfn -- "$1/$file" "$2/$file"
    done
}
