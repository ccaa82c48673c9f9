#!/bin/bash
# SPDX-License-Identifier: MIT
#
# root.sh CACHE BUILD STATIC_BUILD OUT - make the guest's two roots: OUT/busybox, which has nothing but busybox
# and static programs, as on an embedded host; and OUT/full, with the C library and programs that need it.
set -eu

cache=$1 build=$2 static=$3 out=$4
here=$(dirname "$0")
rm -rf "$out"
mkdir -p "$out/busybox/bin" "$out/busybox/programs" "$out/busybox/etc"
cp "$here/guest/init" "$out/busybox/init"
chmod 755 "$out/busybox/init"
cp "$cache/busybox/bin/busybox" "$out/busybox/bin/"
ln -s busybox "$out/busybox/bin/sh"
cp "$static/ruchy-record" "$build/lab/on_tty" "$build/lab/deny_perf" "$out/busybox/bin/"
cp "$build/programs/shares_static" "$build/programs/threads_static" "$build/programs/waits_static" "$build/programs/recursion_static" "$out/busybox/programs/"
printf 'root::0:0::/:/bin/sh\nuser::1000:1000::/:/bin/sh\n' >"$out/busybox/etc/passwd"
printf 'root:x:0:\nuser:x:1000:\n' >"$out/busybox/etc/group"

cp -R "$out/busybox" "$out/full"
mkdir "$out/full/lib"
cp -L "$cache/sysroot/lib/ld-linux-aarch64.so.1" "$cache/sysroot/lib/aarch64-linux-gnu/libc.so.6" "$out/full/lib/"
find "$build/programs" -maxdepth 1 -type f -exec cp {} "$out/full/programs/" \;
rm -f "$out/full/programs/demo" "$out/full/programs/cpp"
cp -R "$build/programs/pac" "$out/full/programs/"
# The archives are sorted; times would tell two builds of the same apart.
find "$out" -exec touch -h -d @0 {} +
