# Makes a Debian root, usually one that holds one release of Samba's domain controller.
# Arguments: SUITE BACKPORTS(yes|no) TARGET [PACKAGES]
set -euo pipefail
suite=$1 backports=$2 target=$3
packages=${4:-samba-ad-dc samba-ad-provision samba-dsdb-modules ldb-tools}

# The machine's own mirror serves the other suites too; a bare Debian has one of these two files.
mirror=$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources 2>/dev/null || true)
if [ -z "$mirror" ] && [ -r /etc/apt/sources.list ]; then
  mirror=$(awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^https?:/) { print $i; exit } }' /etc/apt/sources.list)
fi
mirror=${mirror:-http://deb.debian.org/debian}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

sources=("deb [signed-by=$keyring] $mirror $suite main")
release=$suite
if [ "$backports" = yes ]; then
  sources+=("deb [signed-by=$keyring] $mirror $suite-backports main")
  release=$suite-backports
fi

building=$target.building
rm -rf --one-file-system "$building"
# policy-rc.d keeps daemons from starting while packages are set up.
mmdebstrap --quiet --variant=minbase --mode=root \
  --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
  --customize-hook='printf "#!/bin/sh\nexit 101\n" > "$1/usr/sbin/policy-rc.d"; chmod +x "$1/usr/sbin/policy-rc.d"' \
  --customize-hook="chroot \"\$1\" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y -t $release $packages" \
  "$suite" "$building" "${sources[@]}"
rm -rf --one-file-system "$target"
mv "$building" "$target"
