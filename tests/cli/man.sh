#!/bin/bash
# SPDX-License-Identifier: MIT
#
# man.sh BIN_DIR - each program's --help and its man page name the same long flags.
#
# A page names a flag by an item of its section OPTIONS (".It Fl e , Fl -counters Ar LIST"); what
# descriptions mention does not count. Where mandoc is installed, the pages must be free of
# warnings, too. One `ok`/`not ok`/`SKIP` line each, non-zero exit on any `not ok`.
set -u

if [ $# -ne 1 ]; then
	echo "usage: man.sh BIN_DIR" >&2
	exit 2
fi
bin=$(cd "$1" && pwd) || exit 2
pages=$(cd "$(dirname "$0")/../../docs/man" && pwd) || exit 2
failed=0

ok() { echo "ok - $1"; }
not_ok() { failed=1; echo "not ok - $1"; }

flags_of_help() { grep -oE -- '--[a-z][a-z0-9-]*' <<<"$1" | sort -u; }

flags_of_page() {
	sed -n '/^\.Sh OPTIONS$/,/^\.Sh [^O]/p' "$1" | grep '^\.It ' |
		grep -oE '(^| )Fl -[a-z][a-z0-9-]*' | sed 's/.*Fl -/--/' | sort -u
}

# agree PAGE COMMAND…: the flags of `COMMAND… --help` and of the page's OPTIONS
agree() {
	local page=$1 help in_help in_page flag differ=
	shift
	if ! help=$("$@" --help 2>&1); then
		not_ok "$page: '${*##*/} --help' fails: $(head -n 1 <<<"$help")"
		return
	fi
	if [ ! -f "$pages/$page" ]; then
		not_ok "$page: there is no such page"
		return
	fi
	in_help=$(flags_of_help "$help")
	in_page=$(flags_of_page "$pages/$page")
	if [ -z "$in_help" ] || [ -z "$in_page" ]; then
		not_ok "$page: no flags found in $([ -z "$in_help" ] && echo --help || echo the page)"
		return
	fi
	for flag in $(comm -23 <(echo "$in_help") <(echo "$in_page")); do
		not_ok "$page: $flag stands in --help, not in the page's OPTIONS"
		differ=yes
	done
	for flag in $(comm -13 <(echo "$in_help") <(echo "$in_page")); do
		not_ok "$page: $flag stands in the page's OPTIONS, not in --help"
		differ=yes
	done
	[ -n "$differ" ] || ok "$page: the flags of --help and page are the same ($(wc -l <<<"$in_help"))"
}

# What installs must be readable as a page: mandoc finds misused macros.
clean() {
	local complaints
	if ! command -v mandoc >/dev/null; then
		echo "SKIP - $1: mandoc is not installed, the page's markup is not checked"
		return
	fi
	complaints=$(mandoc -Tlint -W warning "$pages/$1" 2>&1)
	if [ -z "$complaints" ]; then
		ok "$1: mandoc has no complaint"
	else
		not_ok "$1: $(head -n 1 <<<"$complaints")"
	fi
}

agree ruchy-record.1 "$bin/ruchy-record"
agree ruchy-analyze.1 "$bin/ruchy-analyze"
agree ruchy.1 "$bin/ruchy" profile
for page in ruchy-record.1 ruchy-analyze.1 ruchy.1 ruchy-trace.5; do
	clean "$page"
done
exit $failed
