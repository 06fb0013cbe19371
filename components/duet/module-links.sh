# The sources of a module as links in another folder, for one of several kernels: each has an object of its own, with
# the lines of the sources.
: "${tree:?}" "${objects:?}"
. ../machine/step.sh
. ../machine/lib/developer.sh
. ../sources/content.sh

link_sources() {
  # shellcheck disable=SC2034 # make.sh tells of the sources in its place.
  links=$objects
  as_developer mkdir -p -- "$objects"
  developer_does find_others link_into "$tree" "$objects" "${products[@]}"
}

link_into() { # TREE OBJECTS PRODUCT...
  local products=("${@:3}") made_files=() file
  # What went from the tree, and what it has a file for by now.
  find "$2" -xtype l -delete
  cd -- "$1" || return
  find_others '(' -type f -o -type l ')' -printf '%P\n' | while IFS= read -r file; do
    mkdir -p -- "$(dirname -- "$2/$file")"
    ln -sfn -- "$1/$file" "$2/$file"
  done
}
