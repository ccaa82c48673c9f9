#!/bin/sh
# SPDX-License-Identifier: MIT
#
# consumers.sh DIR - install what reads our exports and is no Debian package in DIR, once: inferno (crates.io) in
# DIR/bin, speedscope (npm) in DIR/node_modules. Versions are fixed, so that a new one fails no test of ours.
#
# Where cargo or npm is missing, or their registries can't be reached, it says SKIP and is done: the tests say what
# they miss. Debian's own cargo is too old for inferno.
set -u

dir=$1
inferno=0.12.8
speedscope=1.25.0

# install WHAT COMMAND...: only what is needed of it, unoptimised: it reads small files
install() {
	what=$1
	shift
	command -v "$1" >/dev/null 2>&1 || {
		echo "SKIP: $what: no $1 here"
		return
	}
	echo "installing $what in $dir"
	timeout 300 "$@" >"$dir/$1.log" 2>&1 || echo "SKIP: $what can't be installed: $(grep -v '^ ' "$dir/$1.log" | tail -n 1)"
}

mkdir -p "$dir" || {
	echo "SKIP: inferno, speedscope: no directory for them"
	exit 0
}
grep -qs "\"inferno $inferno " "$dir/.crates.toml" || {
	CARGO_TARGET_DIR=$dir/target install "inferno $inferno" cargo install --quiet --locked --debug --no-default-features \
		--features cli --bin inferno-flamegraph --bin inferno-collapse-perf --root "$dir" "inferno@$inferno"
	rm -rf "$dir/target"
}
grep -qs "\"version\": \"$speedscope\"" "$dir/node_modules/speedscope/package.json" ||
	install "speedscope $speedscope" npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$dir" "speedscope@$speedscope"
