#!/bin/bash
# SPDX-License-Identifier: MIT
#
# boot.sh KERNEL_DIR ROOT_DIR JOB_DIR OUT_DIR CPU CPUS SHIFT - run JOB_DIR/run in an emulated ARM machine that has a PMU.
#
# The guest's root is ROOT_DIR (its /init, busybox, programs), with JOB_DIR as /job; what the job leaves
# in /out comes back in OUT_DIR, which is made anew. KERNEL_DIR is one of fetch.sh's, CPU a model
# of QEMU's. The console goes to OUT_DIR.console.
#
# The machine is deterministic: with icount its clock is the number of instructions executed,
# 2^SHIFT nanoseconds each, so two boots of the same job are alike to the bit, however busy this host is.
# More than one CPU take turns: each one's cycles go on in the other's turn, and its interrupts wait
# for its own. So numbers are exact with one CPU only.
# Its random numbers are QEMU's, from the seed, by the device tree: without them the kernel gathers
# entropy from the clock's jitter, of which there is none here, for up to a minute of guest time.
# Exit status: the job's is not ours, 1 where the guest did not get to its end.
set -eu

kernel=$1 root=$2 job=$3 out=$4 cpu=$5 cpus=$6 shift=$7
limit_s=900       # of this host; an unwell guest must not hang the tests
disk_bytes=256M   # sparse
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Times and owners of files are the host's business: with them no two boots would be alike.
archive() {
	(cd "$1" && find . -print0 | LC_ALL=C sort -z | cpio --null --quiet --reproducible -R 0:0 -H newc -o)
}
mkdir -p "$work/extra/job" "$work/extra/modules"
cp -R "$job/." "$work/extra/job"
cp "$kernel"/modules/*.ko "$work/extra/modules"
find "$work/extra" -exec touch -h -d @0 {} +
archive "$root" >"$work/initrd"
archive "$work/extra" >>"$work/initrd"
truncate -s "$disk_bytes" "$work/disk"

rm -rf "$out"
mkdir -p "$out"
timeout "$limit_s" qemu-system-aarch64 -M virt -cpu "$cpu" -smp "$cpus" -m 1024 \
	-icount "shift=$shift,sleep=off" -rtc clock=vm,base=2026-01-01 -seed 1 \
	-nodefaults -nographic -no-reboot -monitor none -serial stdio \
	-drive "file=$work/disk,format=raw,if=none,id=out" -device virtio-blk-device,drive=out \
	-kernel "$kernel/vmlinuz" -initrd "$work/initrd" \
	-append "console=ttyAMA0 quiet panic=-1 nokaslr norandmaps" </dev/null >"$out.console" 2>&1 || true

if ! grep -q '^job: 0' "$out.console"; then
	echo "boot.sh: the guest did not finish its job: $(tr -d '\r' <"$out.console" | tail -n 1)" >&2
	exit 1
fi
tar xf "$work/disk" -C "$out"
