# What a user has who has followed the guide for guests of another network: the root of NFSv4, for those, and below it
# the sources. Source: guide, step 5.
: "${directory:?}" "${network:?}"
set -euo pipefail

mkdir -p /export/duet
echo "$directory /export/duet none bind 0 0" >>/etc/fstab
cat >>/etc/exports <<END
/export		$network(rw,fsid=0,insecure,no_subtree_check,async)
/export/duet	$network(rw,nohide,insecure,no_subtree_check,async)
END
mount /export/duet
exportfs -a
