# What all kinds of sources have in common: a tree, whose it is, what is in it.
: "${tree:?}" "${made_note:?}"
. ../machine/step.sh
. ../machine/lib/developer.sh
. ../machine/lib/since.sh
. ./content.sh
. ./holds.sh

git_command=(env GIT_TERMINAL_PROMPT=0)
git_command+=('GIT_SSH_COMMAND=ssh -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=15')
# What a person has git ignore everywhere it would overwrite without a word.
git_command+=(git -c 'safe.directory=*' -c core.excludesFile=/dev/null)
git_command+=(-c http.lowSpeedLimit=1000 -c http.lowSpeedTime=60)

git_as_developer() { as_developer "${git_command[@]}" "$@"; }

# Prints what is in the tree, which is the current folder: by git if it is a work tree, else by the function. What make
# has left there is no part of it: see duet/make.sh.
content_of() { # FUNCTION
  local made_files=()
  if [ -s "$made_note" ]; then mapfile -t made_files < <(as_make_left_it); fi
  if [ -e .git ]; then
    developer_does 'content_of_git changed_only digest' content_of_git "${products[@]}" "${made_files[@]/#//}"
  else
    "$1"
  fi
}

# Prints the files of the note whose bytes are those that make has left, as patterns of git and find.
as_make_left_it() {
  LC_ALL=C sha256sum --check -- "$made_note" 2>/dev/null | sed -n -e 's/[][*?\]/\\&/g' -e 's/: OK$//p'
}

# Seconds for which facts wait to be told what is in a tree: less than all facts of a machine have (provider/ask.ts).
# git asks the disk for each of a kernel's 80,000 files, which takes minutes if it is slow and none of them in memory.
patience=15
# There since that was not told in time, until `create` has looked.
unseen=$record.unseen

# Prints what is in the tree, as facts. If that is not told in time, it is what is recorded for once, and the next time
# a difference: then `create` runs, which looks for as long as it takes. A slow disk is no drift, and no edit is lost.
content_fact() {
  local found status=0
  if [ ! -d "$tree" ]; then
    found=missing
  elif [ ! -e "$record" ]; then
    # What is recorded was looked at a moment ago.
    found=$(look)
  else
    found=$(timeout -k 2 "$patience" bash "$record.sh" look) || status=$?
  fi
  case $status in
    # Of timeout(1): 124, and 137 if it had to kill.
    124 | 137)
      if [ ! -e "$unseen" ]; then
        : >"$unseen"
        recorded "content of $tree: "
        note "$tree was not looked at: its disk is slow, and $patience s were too few;" \
          'the next up looks at it, however long that takes'
        return
      fi
      found="not told within $patience s"
      ;;
    *) if [ -e "$unseen" ]; then rm -f -- "$unseen"; fi ;;
  esac
  fact "content of $tree" "$found"
}

# Hands on what the sources are called, in twelve digits, and a hash that changes with every edit.
hand_on() { # COMMIT
  local hash
  result commit "${1:0:12}"
  hash=$(cd -- "$tree" && look)
  rm -f -- "$unseen"
  result hash "$hash"
  [ -e "$made_note" ] || : >"$made_note"
  chown "$uid:$gid" -- "$made_note"
  take_hold
}

# Whether there is something at the tree's place.
is_there() { [ -n "$(ls -A -- "$tree" 2>/dev/null)" ]; }

# Whether Duet has made the tree: then its note says from what, as what, and what was in it.
is_ours() { [ -e "$tree/.duet-source" ]; }

# shellcheck disable=SC2034 # Steps look at them.
read_note() { { read -r origin && read -r commit && read -r pristine; } <"$tree/.duet-source" || true; }

# Refuses a folder that is there and that Duet did not make.
refuse_foreign() { # WHAT
  if is_there && ! is_ours; then
    die "cannot make $1 at $tree: that is there and was not made from it; move it away, or ask for { tree: $tree }"
  fi
}

# Moves what was made in the scratch folder to the tree's place, with a note of what it is.
settle() { # ORIGIN COMMIT FUNCTION
  local pristine
  pristine=$(cd -- "$scratch/tree" && "$3")
  printf '%s\n' "$1" "$2" "$pristine" >"$scratch/tree/.duet-source"
  put_tree "$scratch/tree"
  rm -rf -- "$scratch"
}

put_tree() { # FROM
  rmdir -- "$tree" 2>/dev/null || true
  mv -T -- "$1" "$tree"
}

# Whether nobody has changed the tree since it was made.
is_pristine() { # FUNCTION
  is_ours && read_note && [ "$(cd -- "$tree" && "$1")" = "$pristine" ]
}
