# Makes three repositories in a folder: of a module, of tools which have it and a kernel as submodules, and of that
# kernel, in the shape of Duet's own and with the code of the samples. Each has a later commit, which does not build.
# Prints the commit before that of each: a name and a hash a line.
: "${folder:?}" "${samples:?}" "${shape:?}" "${owner:?}"
set -euo pipefail
umask 022

git_in() { # REPOSITORY WORD...
  git -c user.name=Duet -c user.email=duet@example.org -c commit.gpgsign=false -c protocol.file.allow=always \
    -C "$folder/$1" "${@:2}"
}

begin() { # REPOSITORY
  mkdir -p -- "$folder/$1"
  git_in "$1" init -q -b main
}

commit() { # REPOSITORY
  git_in "$1" add .
  git_in "$1" commit -qm 'A commit of a test'
}

break_build() { # FILE
  printf '#error of a later commit\n' >>"$1"
}

begin kernel
printf 'A kernel by its name only.\n' >"$folder/kernel/README"
commit kernel

# The name of the hook, and a header that Linux has since 4.11.
begin module
cp -r -- "$samples"/module/*.[ch] "$shape"/module/. "$folder/module"
sed -i -e 's/\<duet_handle_event\>/duet_hook/g' -e 's|<linux/sched\.h>|<linux/sched/signal.h>|' "$folder"/module/*.[ch]
commit module

# The command has the header without which it does not compile, and says what is in it.
begin tools
progs=$folder/tools/duet-progs
cp -r -- "$shape"/tools/. "$folder/tools"
cp -r -- "$samples"/tools/duet-progs/{include,duet.c,libduet.c} "$progs"
cp -- "$samples/tools/duet-progs/dummy_task.c" "$folder/tools/dummy_task/dummy.c"
sed -i -e 's|^#include <duet/duet\.h>|&\n\n#include "version.h"|' \
  -e 's|^static const char usage\[\] =|&\n\tDUET_BUILD_VERSION "\\n"|' "$progs/duet.c"
for part in kernel module; do git_in tools submodule --quiet add "file://$folder/$part" "duet-$part"; done
commit tools

for name in kernel module tools; do printf '%s %s\n' "$name" "$(git_in "$name" rev-parse HEAD)"; done

break_build "$folder/kernel/README"
break_build "$folder/module/main.c"
break_build "$progs/duet.c"
commit kernel
commit module
git_in tools submodule --quiet update --remote
commit tools

# git brings nothing from a repository of somebody else's on this disk.
chown -R "$owner" -- "$folder"
