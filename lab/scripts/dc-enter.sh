# Runs a command as a domain controller sees the world: its Debian root, its state at Samba's default paths.
# Arguments: ROOT STATE HOSTNAME COMMAND...
# Started by `unshare --mount --uts`, so everything mounted here goes when the last process of this controller ends.
set -euo pipefail
root=$1 state=$2 name=$3
shift 3
hostname "$name"
mkdir -p "$root"/{run/samba,var/lib/samba,var/cache/samba,var/log/samba,etc/samba}
touch "$root"/etc/{krb5.conf,resolv.conf,hosts}
mount --bind "$state/lib" "$root/var/lib/samba"
mount --bind "$state/run" "$root/run/samba"
mount --bind "$state/cache" "$root/var/cache/samba"
mount --bind "$state/log" "$root/var/log/samba"
mount --bind "$state/etc" "$root/etc/samba"
for file in hosts resolv.conf krb5.conf; do mount --bind "$state/$file" "$root/etc/$file"; done
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 chroot "$root" "$@"
