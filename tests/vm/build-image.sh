#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# build-image.sh FOLDER KERNEL-PACKAGE: makes FOLDER/disk, a raw ext4 image of Debian 12 with systemd and what safexec links to,
# and FOLDER/kernel, Debian's own cloud kernel. That has ext4 and NVMe built in: no initrd, no loop device, no modules, no udev.
# Run by tests/vm/image as root in a mount namespace of its own. Status 75: the kernel's package could not be fetched.
set -euo pipefail
folder=$1 kernel=$2
here=$(dirname "$(readlink -f "$0")")
work=$(mktemp -d "$folder/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root

packages=(
	systemd-sysv dbus libpam-systemd python3 procps
	libmicrohttpd12 libseccomp2 libevent-core-2.1-7 libjansson4 libcurl3-gnutls libinih1 libnettle8 libsqlite3-0 ca-certificates tzdata
	python3-pytest python3-requests python3-jsonschema python3-yaml python3-hypothesis
)

mkdir "$work/fetched"
(cd "$work/fetched" && apt-get -q download "$kernel") || exit 75
dpkg-deb --fsys-tarfile "$work"/fetched/*.deb | tar -x -C "$work/fetched" --wildcards './boot/vmlinuz-*'
mv "$work"/fetched/boot/vmlinuz-* "$folder/kernel"

skipped=()
for tree in doc man locale info; do skipped+=(--dpkgopt="path-exclude=/usr/share/$tree/*"); done
mmdebstrap --quiet --mode=root --variant=apt --include="$(IFS=,; echo "${packages[*]}")" "${skipped[@]}" \
	--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
	bookworm "$root" /etc/apt/sources.list.d/debian.sources

: >"$root/etc/fstab"
echo safexec-vm >"$root/etc/hostname"
echo 127.0.0.1 localhost safexec-vm >"$root/etc/hosts"
useradd --root "$root" --create-home tester
printf '%032d\n' 1 >"$root/etc/machine-id"
install -m 755 "$here/agent.sh" "$root/usr/local/sbin/agent"

units=$root/etc/systemd/system
mkdir -p "$units/multi-user.target.wants" "$root/etc/systemd/system-generators"
cat >"$units/agent.service" <<'UNIT'
[Unit]
Description=The test that lies on the second disk
After=dbus.service systemd-logind.service
FailureAction=poweroff-immediate

[Service]
Type=oneshot
ExecStart=/usr/local/sbin/agent
TasksMax=infinity
TimeoutStartSec=infinity
UNIT
ln -s ../agent.service "$units/multi-user.target.wants/agent.service"

# Nobody logs in, nothing waits for a device, a network or the time: half the boot.
masked=(
	getty.target getty-static.service console-getty.service serial-getty@ttyS0.service getty@tty1.service
	timers.target apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer systemd-tmpfiles-clean.timer
	systemd-firstboot.service systemd-machine-id-commit.service systemd-random-seed.service systemd-sysusers.service
	systemd-update-utmp.service systemd-update-utmp-runlevel.service systemd-journal-flush.service
	systemd-journald-audit.socket systemd-pstore.service systemd-repart.service systemd-binfmt.service
	systemd-pcrphase.service systemd-pcrphase-sysinit.service systemd-modules-load.service kmod-static-nodes.service
	modprobe@.service proc-sys-fs-binfmt_misc.automount sys-fs-fuse-connections.mount sys-kernel-config.mount
	sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount dev-mqueue.mount e2scrub_reap.service
	remote-fs.target cryptsetup.target veritysetup.target integritysetup.target systemd-initctl.socket
	systemd-ask-password-console.path systemd-ask-password-wall.path
)
for unit in "${masked[@]}"; do
	rm -f "$units"/*.wants/"$unit"
	ln -sf /dev/null "$units/$unit"
done
for generator in "$root"/lib/systemd/system-generators/*; do
	ln -sf /dev/null "$root/etc/systemd/system-generators/${generator##*/}"
done
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*

truncate -s 2G "$work/disk"
mke2fs -q -F -t ext4 -O '^has_journal,^metadata_csum' -E root_owner=0:0,lazy_itable_init=0 -d "$root" "$work/disk"
mv "$work/disk" "$folder/disk"
