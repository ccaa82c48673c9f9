#!/bin/sh
# SPDX-License-Identifier: MIT
#
# deps.sh build|test|browser|lab|bench ... - install what is missing of the packages for these purposes.
#
# What is there in another form (a rustc of rustup, a compiler of one's own) is left alone. On a system
# without apt it says what to install and fails only if something is missing.
set -eu

# purpose, Debian package, how to see that it is there: a command, or pkg-config's name, or a file
table='
build gcc          command gcc
build libc6-dev    file    stdio.h
build pkg-config   command pkg-config
build libdw-dev    module  libdw
build libelf-dev   module  libelf
build libzstd-dev  module  libzstd
build libdeflate-dev module libdeflate
build libcjson-dev module  libcjson
build zlib1g-dev   module  zlib
build libiberty-dev file   libiberty/demangle.h
build libcapstone-dev module capstone
build libunwind-dev module libunwind-generic
test  libcmocka-dev module cmocka
test  g++          command g++
test  rustc        command rustc
test  binutils     command readelf
test  python3      command python3
test  python3-jsonschema path /usr/lib/python3/dist-packages/jsonschema
test  zstd         command zstd
test  file         command file
test  clang        command clang
test  llvm         command llvm-symbolizer
test  dwz          command dwz
test  clang-format command clang-format
test  cppcheck     command cppcheck
test  util-linux   command setpriv
test  procps       command pgrep
test  xz-utils     command xz
test  golang-go    command go
test  valgrind     command callgrind_annotate
test  libdevel-nytprof-perl path /usr/share/perl5/Devel/NYTProf/flamegraph.pl
test  libdebuginfod1 library libdebuginfod.so.1
browser chromium         command chromium
browser chromium-driver  command chromedriver
browser python3-selenium path    /usr/lib/python3/dist-packages/selenium
lab   qemu-system-arm         command qemu-system-aarch64
lab   qemu-user-static        command qemu-aarch64-static
lab   gcc-aarch64-linux-gnu   command aarch64-linux-gnu-gcc
lab   libc6-dev-arm64-cross   path    /usr/aarch64-linux-gnu/include/stdio.h
lab   binutils-aarch64-linux-gnu command aarch64-linux-gnu-readelf
lab   cpio                    command cpio
lab   xz-utils                command xz
bench linux-perf command perf
bench hotspot    command hotspot
bench elfutils   command eu-addr2line
bench llvm       command llvm-addr2line
bench binutils   command addr2line
bench dpkg-dev   command dpkg-source
bench tcl        command tclsh
bench python3-scipy path /usr/lib/python3/dist-packages/scipy
bench g++        command g++
bench rustc      command rustc
'

present() {
	case $1 in
	command) command -v "$2" >/dev/null 2>&1 ;;
	module) pkg-config --exists "$2" 2>/dev/null ;;
	path) [ -e "$2" ] ;;
	library) ldconfig -p 2>/dev/null | grep -q "$2" || /sbin/ldconfig -p | grep -q "$2" ;;
	file) echo "#include <$2>" | gcc -E -x c - >/dev/null 2>&1 ;;
	esac
}

missing=
for purpose in "$@"; do
	missing="$missing $(echo "$table" | while read -r for package how what; do
		[ "$for" = "$purpose" ] || continue
		present "$how" "$what" || echo "$package"
	done | tr '\n' ' ')"
done
missing=$(echo "$missing" | xargs)
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
	echo "make deps: this system has no apt; install with its own package manager what Debian calls: $missing" >&2
	echo "make deps: (Fedora: elfutils-devel libzstd-devel libdeflate-devel cjson-devel binutils-devel libcmocka-devel; Arch: libelf zstd libdeflate cjson cmocka)" >&2
	exit 1
fi
sudo=
if [ "$(id -u)" -ne 0 ]; then
	sudo=sudo
	if ! command -v sudo >/dev/null 2>&1; then
		echo "make deps: missing: $missing; installing them takes root (no sudo here)" >&2
		exit 1
	fi
fi
echo "make deps: installing $missing"
$sudo apt-get update -qq
# shellcheck disable=SC2086 # a list of packages
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
