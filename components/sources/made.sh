# Notes of which folders were made for the sources, a line each, the deepest first.

# Removes those folders, and then the note.
remove_made() { # NOTE
  local folder
  while IFS= read -r folder; do
    # A stack that stands, or somebody else, has something there.
    rmdir -- "$folder" 2>/dev/null || true
  done <"$1"
  rm -f -- "$1"
}
