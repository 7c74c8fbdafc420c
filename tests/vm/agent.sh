#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The virtual machine's one service, run as root when it has booted. The second disk is a tar with the test, the third takes a
# tar with what it printed ("log") and its status. Then the power goes: the root disk is a snapshot that nobody keeps.
exec </dev/null >/dev/ttyS0 2>&1

power_off() {
	sync
	echo "agent: done after $(cut -d' ' -f1 /proc/uptime) s"
	echo o >/proc/sysrq-trigger
	sleep 60
}
trap power_off EXIT

mkdir -p /run/test/in /run/test/out
cd /run/test/in || exit
tar xf /dev/nvme0n2 || exit
echo "agent: begins after $(cut -d' ' -f1 /proc/uptime) s"
: >../out/log
timeout -k 5 "$(cat limit)" python3 inside.py "$(cat variant)" >>../out/log 2>&1 &
test=$!
tail -n +1 -s 0.5 -f --pid=$test ../out/log & # on the console: who waits outside sees that there is progress
wait $test
echo $? >../out/status
tail -c 1000000 ../out/log >../out/log.cut && mv ../out/log.cut ../out/log # the disk is small
journalctl --no-pager -u safexec >../out/journal 2>&1
tar cf /dev/nvme0n3 -C ../out .
