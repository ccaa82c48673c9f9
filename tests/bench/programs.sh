#!/bin/bash
# SPDX-License-Identifier: MIT
#
# programs.sh BIN_DIR [NAME...] - have the programs that analysis is measured on, and recordings of them.
#
# Names: rust, sqlite, cppcheck, deep; all, if none is given. Of each, in
#	${RUCHY_BENCH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ruchy-bench}/
# NAME is the program, NAME.rtrace what BIN_DIR/ruchy-record recorded of it and NAME.perf.data what perf
# did, both of cpu-clock at one rate with stack dumps of one size. rust and deep are the project's own
# (tests/bench/programs), SQLite and cppcheck are built from the sources that Debian ships, which apt
# fetches through lists of its own: the machine's stay as they are. What is there and younger than what
# it is made of is left alone, without a look at the network; to record again, remove the recording.
# Some 1.5 GB; building cppcheck takes minutes.
#
# Prints the directory. What cannot be had: a line "SKIP: ..." on standard error, and the rest is done.
set -euf

cache=${RUCHY_BENCH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ruchy-bench}
own=$(cd "$(dirname "$0")/programs" && pwd)
flags="-O2 -g"
work=

say() {
	echo "bench: $*" >&2
}

skip() {
	echo "SKIP: $*" >&2
	return 1
}

# newer FILE THAN...: FILE is there and none of the others is younger.
newer() {
	local file=$1 other
	shift
	[ -e "$file" ] || return 1
	for other; do
		[ ! "$other" -nt "$file" ] || return 1
	done
}

# ---- sources, as Debian ships them ----

make_view() {
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg signed=
	[ ! -e "$work/apt.conf" ] || return 0
	if ! command -v apt-get >/dev/null || ! command -v dpkg-source >/dev/null; then
		skip "Debian's sources come by apt-get and dpkg-source (dpkg-dev), which this system has not"
		return 1
	fi
	mkdir -p "$work/lists/partial" "$work/apt-cache/archives/partial"
	: >"$work/status"
	# The machine's own sources, those of Debian itself, asked for what they were made of.
	[ ! -e "$keyring" ] || signed="[signed-by=$keyring] "
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		awk -v signed="$signed" '/debian/ && $3 == "main" { print "deb-src " signed $1 " " $2 " main" }' |
		sort -u >"$work/sources.list"
	{
		apt-config dump | grep -Ev '^(APT::Update::(Pre|Post)-Invoke|DPkg::|Dir::)'
		echo "Dir::State::lists \"$work/lists\"; Dir::State::status \"$work/status\";"
		echo "Dir::Cache \"$work/apt-cache\"; Dir::Cache::archives \"$work/apt-cache/archives\";"
		echo 'Dir::Etc "/etc/apt"; Dir::Etc::main "/dev/null"; Dir::Etc::parts "/dev/null";'
		echo "Dir::Etc::sourcelist \"$work/sources.list\"; Dir::Etc::sourceparts \"/dev/null\";"
		echo 'Acquire::Languages "none"; Debug::NoLocking "true";'
		# apt's own user cannot read below a home directory
		[ "$(id -u)" -ne 0 ] || echo 'APT::Sandbox::User "root";'
	} >"$work/apt.conf"
	say "reading the lists of Debian's sources"
	APT_CONFIG=$work/apt.conf apt-get -qq update >"$work/log" 2>&1 || true # a source that fails matters only if a package is missing
}

# source_of PACKAGE: unpacked below src/, whole or not there.
source_of() {
	[ ! -d "$cache/src/$1" ] || return 0
	make_view || return 1
	say "$1: fetching Debian's source"
	(cd "$work" && APT_CONFIG=$work/apt.conf apt-get -qq source --download-only "$1") >>"$work/log" 2>&1 || {
		skip "$1: no source of it: $(grep -E '^E' "$work/log" | tail -n 1)"
		return 1
	}
	dpkg-source -x "$(find "$work" -maxdepth 1 -name "$1_*.dsc")" "$work/src-$1" >>"$work/log" 2>&1
	mkdir -p "$cache/src"
	mv "$work/src-$1" "$cache/src/$1"
}

# ---- programs ----

has() {
	command -v "$2" >/dev/null || skip "$1: no $2 on this system"
}

build_rust() {
	! newer "$cache/rust" "$own/rust.rs" || return 0
	has rust rustc || return 1
	rustc --edition 2021 -O -g -o "$cache/rust" "$own/rust.rs"
}

build_deep() {
	# shellcheck disable=SC2086 # flags
	newer "$cache/deep" "$own/deep.c" || gcc $flags -o "$cache/deep" "$own/deep.c"
}

build_sqlite() {
	local source=$cache/src/sqlite3
	! newer "$cache/sqlite" "$own/sqlite.c" || return 0
	source_of sqlite3 || return 1
	if [ ! -e "$source/sqlite3.c" ]; then
		has sqlite tclsh || return 1 # makes one source file of all
		(cd "$source" && ./configure --disable-tcl && make sqlite3.c) >"$cache/src/sqlite3.log" 2>&1
	fi
	say "sqlite: building (a minute)"
	# shellcheck disable=SC2086 # flags
	gcc $flags -I"$source" -o "$cache/sqlite" "$own/sqlite.c" "$source/sqlite3.c" -lm -lpthread -ldl
}

build_cppcheck() {
	local source=$cache/src/cppcheck
	[ ! -e "$cache/cppcheck" ] || return 0
	has cppcheck g++ && source_of cppcheck || return 1
	say "cppcheck: building (minutes)"
	nice make -C "$source" -j"$(nproc)" CXXFLAGS="$flags" FILESDIR="$source" cppcheck >"$cache/src/cppcheck.log" 2>&1
	cp "$source/cppcheck" "$cache/cppcheck.new"
	mv "$cache/cppcheck.new" "$cache/cppcheck"
}

# ---- recordings ----

# What is run: words, one a line.
command_of() {
	case $1 in
	rust) printf '%s\n' "$cache/rust" 450 ;;
	sqlite) printf '%s\n' "$cache/sqlite" 180 ;;
	deep) printf '%s\n' "$cache/deep" 1300 ;;
	cppcheck) # without -I for its own library, and hence with seconds for these files, not minutes
		printf '%s\n' "$cache/cppcheck" --quiet --enable=all '--suppress=*' "$cache/src/cppcheck/lib/mathlib.cpp" \
			"$cache/src/cppcheck/lib/path.cpp" "$cache/src/cppcheck/lib/timer.cpp" "$cache/src/cppcheck/cli/filelister.cpp"
		;;
	esac
}

rate_of() { case $1 in deep) echo 2000 ;; *) echo 8000 ;; esac; }
stack_of() { case $1 in deep) echo 65528 ;; *) echo 16384 ;; esac; }

record() {
	local name=$1 words
	readarray -t words < <(command_of "$name")
	if ! newer "$cache/$name.rtrace" "$cache/$name"; then
		say "$name: recording with ruchy-record"
		"$bin/ruchy-record" -o "$cache/$name.rtrace.new" -e cpu_clock -F "$(rate_of "$name")" \
			--stack-size "$(stack_of "$name")" -- "${words[@]}" >/dev/null 2>"$cache/$name.record.log"
		mv "$cache/$name.rtrace.new" "$cache/$name.rtrace"
		say "$(tail -n 1 "$cache/$name.record.log")"
	fi
	if ! newer "$cache/$name.perf.data" "$cache/$name"; then
		has "$name.perf.data" perf || return 0
		say "$name: recording with perf"
		perf --buildid-dir "$cache/buildid" record -q -m 32M -o "$cache/$name.perf.data.new" -e cpu-clock \
			-F "$(rate_of "$name")" --call-graph "dwarf,$(stack_of "$name")" -- "${words[@]}" >/dev/null
		mv "$cache/$name.perf.data.new" "$cache/$name.perf.data"
		say "$(perf report --stats -i "$cache/$name.perf.data" 2>/dev/null | awk '$1 ~ /^(SAMPLE|LOST_SAMPLES)$/ && !seen[$1]++ { print $1, $3 }' | xargs)"
	fi
}

# ---- the work ----

[ $# -gt 0 ] || {
	echo "usage: programs.sh BIN_DIR [rust|sqlite|cppcheck|deep]..." >&2
	exit 2
}
bin=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- rust sqlite deep cppcheck
mkdir -p "$cache"
exec 9>"$cache/.lock"
flock 9
work=$(mktemp -d "$cache/.work.XXXXXX")
trap 'rm -rf "$work"' EXIT
for name; do
	[ -n "$(command_of "$name")" ] || {
		echo "programs.sh: there is no $name, only: rust sqlite cppcheck deep" >&2
		exit 2
	}
	if "build_$name"; then
		record "$name"
	fi
done
echo "$cache"
