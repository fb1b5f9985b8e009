# Starts a real systemd as the first process of a clean Debian root, in mount, process, cgroup, IPC and host name namespaces of its own; the
# network is the one that it is started in. Nothing of the machine is seen but the root, and one folder at its own path.
# Arguments: ROOT SHARED NAME. Started by `unshare --mount --pid --fork --cgroup --ipc --uts`, from inside of a cgroup of its own.
set -euo pipefail
root=$1 shared=$2 name=$3
mount --bind "$root" "$root"
# Before the folder is bound, which may lie below /tmp.
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mkdir -p "$root$shared"
mount --bind "$shared" "$root$shared"
cd "$root"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
while read -r device major minor; do mknod -m 666 "dev/$device" c "$major" "$minor"; done <<END
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
END
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
# What is about the machine, and not about a service.
mkdir -p run/systemd/system
for unit in sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount dev-hugepages.mount getty.target timers.target systemd-logind.service; do
  ln -s /dev/null "run/systemd/system/$unit"
done
hostname "$name"
mkdir run/old
pivot_root . run/old
umount --lazy /run/old
rmdir /run/old
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
  setpriv --bounding-set=-sys_module,-sys_time,-sys_rawio,-syslog /sbin/init --default-standard-output=journal </dev/null
