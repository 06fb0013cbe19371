# The host developer's account in the guest, with the same ids. Source: guide, step 8, note on NFS id mapping.
: "${user:?}" "${uid:?}" "${gid:?}" "${conflict:?}"
. ../machine/step.sh

sudoers=/etc/sudoers.d/duet-$user
# Notes that an account, or a group, is ours to remove.
made=/var/lib/duet/made

create() {
  [ "$user" != root ] || die "cannot make root the guest's developer: choose another name in duet:developer"
  mkdir -p /var/lib/duet
  rename
  make_group
  make_user
  allow_sudo
}

# An account that Duet makes is in this file, and nowhere else.
facts() {
  local name id group home='' rule
  while IFS=: read -r name _ id group _ home _ && [ "$name" != "$user" ]; do id=; done </etc/passwd
  if [ -n "$id" ]; then
    fact uid "$id"
    fact gid "$group"
    stat -c 'home: %n of %u:%g' -- "$home"
  fi
  read -r rule <"$sudoers"
  fact sudo "$rule"
}

# Removes what was made: the account with its home directory, if it was not there before.
delete() {
  rm -f -- "$sudoers"
  if [ -e "$made-user-$user" ]; then
    if getent passwd "$user" >/dev/null; then userdel -f -r "$user" >&2 || [ $? = 12 ]; fi
    rm -- "$made-user-$user"
  fi
  if [ -e "$made-group-$user" ]; then
    if getent group "$user" >/dev/null; then groupdel "$user"; fi
    rm -- "$made-group-$user"
  fi
}

# The account that an earlier spec has asked for under another name keeps its home.
rename() {
  local old
  old=$(compgen -G "$made-user-*" | head -n 1) || return 0
  old=${old#"$made-user-"}
  if [ "$old" = "$user" ] || getent passwd "$user" >/dev/null || ! getent passwd "$old" >/dev/null; then return; fi
  usermod -l "$user" -d "/home/$user" -m "$old" >&2 ||
    die "cannot call the guest's $old $user: see above; end what it runs, and run this again"
  mv -- "$made-user-$old" "$made-user-$user"
  if [ -e "$made-group-$old" ] && ! getent group "$user" >/dev/null; then
    groupmod -n "$user" "$old"
    mv -- "$made-group-$old" "$made-group-$user"
  fi
  rm -f -- "/etc/sudoers.d/duet-$old"
}

make_group() {
  local old
  free_id group "$gid"
  if ! getent group "$user" >/dev/null; then
    groupadd -g "$gid" "$user"
    : >"$made-group-$user"
  fi
  old=$(getent group "$user" | cut -d: -f3)
  if [ "$old" != "$gid" ]; then
    groupmod -g "$gid" "$user"
    hand_over -gid "$old" chgrp "$gid"
  fi
}

make_user() {
  local old home
  free_id user "$uid"
  if ! getent passwd "$user" >/dev/null; then
    useradd -m -u "$uid" -g "$gid" -s /bin/bash -d "/home/$user" "$user"
    : >"$made-user-$user"
  fi
  old=$(id -u "$user")
  if [ "$old" != "$uid" ]; then
    usermod -u "$uid" "$user" ||
      die "cannot give the guest's $user the user id $uid: see above; end what it runs, and run this again"
    hand_over -uid "$old" chown "$uid"
  fi
  [ "$(id -g "$user")" = "$gid" ] || usermod -g "$gid" "$user"
  home=$(getent passwd "$user" | cut -d: -f6)
  if [ ! -d "$home" ]; then
    cp -r /etc/skel "$home"
    chown -R "$uid:$gid" "$home"
  fi
}

allow_sudo() {
  install -d -m 750 /etc/sudoers.d
  printf '%s ALL=(ALL:ALL) NOPASSWD: ALL\n' "$user" >"$sudoers.new"
  chmod 0440 "$sudoers.new"
  mv -- "$sudoers.new" "$sudoers"
}

# Gives the files of an id to another one, on the root file system only: what is on the NFS server is not the guest's to
# change. Of a mount find leaves out what is below it, and not itself.
hand_over() { # -uid|-gid ID chown|chgrp OTHER
  local where type root=''
  while read -r _ where type _; do
    if [ "$where" = / ]; then root=$type; fi
  done </proc/mounts
  find / -xdev -fstype "$root" "$1" "$2" -exec "$3" -h "$4" {} +
}

# Frees an id that another user or group has.
free_id() { # user|group ID
  local kind=$1 id=$2 other free
  other=$(getent "${kind/user/passwd}" "$id" | cut -d: -f1 || true)
  if [ -z "$other" ] || [ "$other" = "$user" ]; then return; fi
  [ "$conflict" = move ] ||
    die "cannot give the guest's $user the $kind id $id: it belongs to $other; choose another id, or \`conflict: move\`"
  free=$(first_free_id)
  if [ "$kind" = user ]; then usermod -u "$free" "$other"; else groupmod -g "$free" "$other"; fi ||
    die "cannot give the guest's $user the $kind id $id: it belongs to $other, which cannot be moved, see above;" \
      "end what it runs, and run this again"
  if [ "$kind" = user ]; then
    hand_over -uid "$id" chown "$free"
  else
    hand_over -gid "$id" chgrp "$free"
  fi
  say "moved $kind $other to id $free"
}

first_free_id() {
  local free=1001
  while getent passwd "$free" >/dev/null || getent group "$free" >/dev/null || [ "$free" = "$uid" ] ||
    [ "$free" = "$gid" ]; do
    free=$((free + 1))
  done
  printf %s "$free"
}

run_step "$@"
