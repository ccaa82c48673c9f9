#!/bin/bash
# SPDX-License-Identifier: MIT
#
# fetch.sh [PART...] - have the laboratory's arm64 packages unpacked, and say where.
#
# Parts: sysroot (what the tools are cross-built with), busybox, kernel-6.1, kernel-6.12; all, if none
# is named. Each is a directory of
#	${XDG_CACHE_HOME:-$HOME/.cache}/ruchy-pmu-lab/
# which is printed on standard output; what is being done is said on standard error. Packages come
# by apt from the sources of this machine, through a view of arm64 that is private: no foreign
# package is installed, and the machine's own lists stay as they are. A part that is there, and was
# made of the same list of packages, is left alone without looking at the network, so `make clean`
# costs nothing. It is unpacked beside its place and then renamed: it is whole or not there.
#
# Exit status: 0 all parts are there; 77 with a line "SKIP: ..." some cannot be had; 1 an error.
set -euf

cache=${RUCHY_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ruchy-pmu-lab}
# The guest's disk: virtio is built in or a few modules, by the kernel's version. In the order of loading.
modules="virtio_ring virtio virtio_mmio virtio_blk"
part_names="sysroot busybox kernel-6.1 kernel-6.12"

# What a part is made of: package names, or an extended regular expression whose newest match is
# taken (kernels carry their version in the package's name).
packages_of() {
	case $1 in
	sysroot)
		echo libc6 libc6-dev linux-libc-dev libcrypt1 libcrypt-dev libgcc-s1 libgcc-12-dev libstdc++6 libstdc++-12-dev \
			libdw1 libdw-dev libelf1 libelf-dev zlib1g zlib1g-dev liblzma5 liblzma-dev libbz2-1.0 libbz2-dev \
			libzstd1 libzstd-dev libdeflate0 libdeflate-dev libunwind8 libunwind-dev libcjson1 libcjson-dev libcmocka0 libcmocka-dev libiberty-dev
		;;
	busybox) echo busybox-static ;;
	kernel-6.1) echo '^linux-image-6\.1\.0-[0-9]+-cloud-arm64$' ;;
	kernel-6.12) echo '^linux-image-6\.12\.[0-9]+[^:]*-cloud-arm64$' ;;
	*)
		echo "fetch.sh: there is no part $1, only: $part_names" >&2
		exit 1
		;;
	esac
}

say() {
	echo "pmu-lab: $*" >&2
}

skip() {
	echo "SKIP: $*" >&2
	exit 77
}

# What a part is made of: its packages, and what is kept of them.
recipe_of() {
	packages_of "$1"
	case $1 in
	kernel-*) echo "vmlinuz $modules" ;;
	esac
}

is_there() {
	[ "$(cat "$cache/$1/.made-of" 2>/dev/null)" = "$(recipe_of "$1")" ]
}

# ---- a view of arm64's packages ----

# The machine's settings (proxies, sources, keys) without what it does after apt's work, which
# concerns its own packages: containers delete downloads then, of others, too.
make_view() {
	[ ! -e "$work/apt.conf" ] || return 0
	command -v apt-get >/dev/null 2>&1 || skip "the lab's packages come by apt, which this system has not"
	mkdir -p "$work/lists/partial" "$work/apt-cache/archives/partial" "$work/empty"
	: >"$work/status"
	{
		apt-config dump | grep -Ev '^(APT::Update::(Pre|Post)-Invoke|DPkg::|Dir::|APT::Architecture)'
		echo "APT::Architecture \"$(dpkg --print-architecture)\";"
		echo "APT::Architectures { \"$(dpkg --print-architecture)\"; \"arm64\"; };"
		echo "Dir::State::lists \"$work/lists\"; Dir::State::status \"$work/status\";"
		echo "Dir::Cache \"$work/apt-cache\"; Dir::Cache::archives \"$work/apt-cache/archives\";"
		echo 'Dir::Etc "/etc/apt"; Dir::Etc::main "/dev/null"; Dir::Etc::parts "/dev/null";'
		echo 'Acquire::Languages "none"; Debug::NoLocking "true";'
		# apt's own user cannot read below a home directory
		[ "$(id -u)" -ne 0 ] || echo 'APT::Sandbox::User "root";'
	} >"$work/apt.conf"
	export APT_CONFIG=$work/apt.conf
	say "reading the lists of arm64 packages"
	apt-get -qq update >"$work/log" 2>&1 || true # a source that fails matters only if a package is missing
}

# The packages' names with architecture, patterns replaced by their newest match.
resolve() {
	local word found
	for word; do
		case $word in
		^*) found=$(apt-cache pkgnames linux-image | sed 's/:arm64$//' | grep -E "$word" | sort -V | tail -n 1) ;;
		*) found=$word ;;
		esac
		[ -n "$found" ] || return 1
		echo "$found:arm64"
	done
}

# ---- unpacking ----

# Absolute links point into the sysroot they are in, not into this machine.
relative_links() {
	local link target
	find "$1" -type l -lname '/*' | while read -r link; do
		target=$1$(readlink "$link")
		ln -sfn "$(realpath -ms --relative-to="$(dirname "$link")" "$target")" "$link"
	done
}

# The image, and the modules, unpacked and numbered.
keep_kernel() {
	local name number=0 module
	mkdir "$1/modules"
	for name in $modules; do
		number=$((number + 1))
		find "$1/lib/modules" -name "$name.ko*" | while read -r module; do
			case $module in
			*.xz) xz -dc "$module" >"$1/modules/$number-$name.ko" ;;
			*) cp "$module" "$1/modules/$number-$name.ko" ;;
			esac
		done
	done
	find "$1/boot" -name 'vmlinuz-*' -exec mv {} "$1/vmlinuz" \;
	rm -rf "${1:?}/lib" "${1:?}/boot" "${1:?}/usr"
}

fetch() {
	local part=$1 into=$work/$1 names deb
	make_view
	# shellcheck disable=SC2046 # words
	names=$(resolve $(packages_of "$part")) || skip "$part: no package $(packages_of "$part") in this machine's apt sources"
	say "$part: downloading $(echo "$names" | wc -l) packages"
	mkdir -p "$work/debs-$part" "$into"
	# shellcheck disable=SC2086 # a list
	(cd "$work/debs-$part" && apt-get -qq download $names) >>"$work/log" 2>&1 ||
		skip "$part: packages cannot be downloaded: $(grep -E '^(E|Err)' "$work/log" | tail -n 1)"
	find "$work/debs-$part" -name "*.deb" | while read -r deb; do
		dpkg -x "$deb" "$into"
	done
	case $part in
	sysroot) relative_links "$into" ;;
	kernel-*) keep_kernel "$into" ;;
	esac
	(cd "$work/debs-$part" && ls) >"$into/.packages"
	recipe_of "$part" >"$into/.made-of"
	rm -rf "${cache:?}/$part"
	mv "$into" "$cache/$part"
	say "$part: $(du -sh "$cache/$part" | cut -f1) in $cache/$part"
}

# ---- the work ----

[ $# -gt 0 ] || eval "set -- $part_names"
for part; do packages_of "$part" >/dev/null; done
mkdir -p "$cache"
# One at a time: two recordings of `make check` may share the cache.
exec 9>"$cache/.lock"
flock 9
work=$(mktemp -d "$cache/.work.XXXXXX")
trap 'rm -rf "$work"' EXIT
for part; do
	is_there "$part" || fetch "$part"
done
echo "$cache"
