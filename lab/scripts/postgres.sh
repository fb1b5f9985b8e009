# Runs a PostgreSQL cluster of the lab's own, and makes it first when there is none.
# Arguments: STATE ADDRESS PORT USER PASSWORD
# PostgreSQL refuses to run as root, and its own user may not reach the lab's folder (a checkout in /root, say): as root
# the folder is therefore mounted at the home of that user, in a mount namespace that goes with the last process.
set -euo pipefail
state=$1 address=$2 port=$3 user=$4 password=$5
bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -1)
[ -x "$bin/initdb" ] || { echo "Debian's package postgresql is not installed"; exit 1; }
as=()
if [ "$(id -u)" = 0 ]; then
  mkdir -p /var/lib/postgresql
  mount --bind "$state" /var/lib/postgresql
  state=/var/lib/postgresql
  chown postgres: "$state"
  as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
fi
cd "$state"
if [ ! -e "$state/data/PG_VERSION" ]; then
  printf '%s' "$password" > "$state/password"
  [ "$(id -u)" != 0 ] || chown postgres: "$state/password"
  # Passwords go over loopback only. SCRAM would have each client compute for half a second in a debug build.
  "${as[@]}" "$bin/initdb" -D "$state/data" -U "$user" --pwfile="$state/password" --auth=password \
    --encoding=UTF8 --locale=C.UTF-8 --no-sync
  rm "$state/password"
fi
# Nothing here has to survive a power cut.
exec "${as[@]}" "$bin/postgres" -D "$state/data" -h "$address" -p "$port" -c unix_socket_directories= \
  -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200
