# Runs an OpenLDAP server of the lab's own, and fills it first when it is empty.
# Arguments: STATE URL
# As root the folder is mounted where nobody can reach it (a checkout may be in /root), in a mount namespace that goes with the
# last process, and the server runs as nobody.
set -euo pipefail
state=$1 url=$2
slapd=/usr/sbin/slapd
[ -x "$slapd" ] || { echo "Debian's package slapd is not installed"; exit 1; }
as=()
if [ "$(id -u)" = 0 ]; then
  mount --bind "$state" /mnt
  state=/mnt
  chown -R nobody:nogroup "$state"
  as=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
fi
cd "$state"
if [ ! -e filled ]; then
  rm -rf data
  "${as[@]}" mkdir data
  "${as[@]}" /usr/sbin/slapadd -q -f slapd.conf -l people.ldif
  "${as[@]}" touch filled
fi
# Nothing that it says holds a password: connections, operations and results (256).
exec "${as[@]}" "$slapd" -f slapd.conf -h "$url" -d 256
