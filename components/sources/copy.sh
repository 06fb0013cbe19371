# A working copy of a folder. One that nobody has edited follows its seed, and goes at destroy. Source: guide, step 3.
: "${seed:?}"
. ../machine/step.sh
. ./source.sh

create() {
  local sum
  take_turn
  [ -d "$seed" ] || die "cannot copy $seed to $tree: there is no such folder; correct duet:sources"
  refuse_foreign "a copy of $seed"
  sum=$(cd -- "$seed" && content_by_bytes)
  if is_pristine content_by_bytes && [ "$commit" != "$sum" ]; then rm -rf -- "$tree"; fi
  if ! is_ours; then copy "$sum"; fi
  give_to_developer "$tree"
  read_note
  hand_on "$commit"
}

# Of a few files, which no disk keeps anybody waiting for.
facts() {
  if [ -d "$tree" ]; then fact "content of $tree" "$(look)"; else fact "content of $tree" missing; fi
  if cd -- "$seed"; then fact "content of $seed" "$(content_by_bytes)"; fi
}

look() { cd -- "$tree" && content_of content_by_bytes; }

identity() { echo "copy $tree of $directory"; }

delete() { release_hold remove; }

copy() { # CONTENT
  make_scratch
  as_developer mkdir "$scratch/tree"
  # Root reads the seed, which may be in a home that the developer cannot enter, and the developer writes.
  tar -cf - -C "$seed" . | as_developer tar -xmf - --no-same-owner -C "$scratch/tree"
  settle "$seed" "$1" content_by_bytes
}

remove() {
  if is_pristine content_by_bytes; then rm -rf -- "$tree"; fi
}

run_step "$@"
