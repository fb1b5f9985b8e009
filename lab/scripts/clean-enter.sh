# Runs a command in a clean Debian root, as a user of that root, with one folder of the machine at its own path.
# Arguments: ROOT USER SHARED COMMAND...
# Started by `unshare --mount`, so everything mounted here goes when the command ends.
set -euo pipefail
root=$1 user=$2 shared=$3
shift 3
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mkdir -p "$root$shared"
mount --bind "$shared" "$root$shared"
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 chroot --userspec="$user" "$root" "$@"
