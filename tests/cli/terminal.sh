#!/bin/bash
# SPDX-License-Identifier: MIT
#
# terminal.sh BIN_DIR [--update] - what the terminal's views and filters show of the golden traces,
# to the byte (tests/cli/terminal/NAME.text; --update writes them: read the difference), and what
# depends on a terminal: pager, colours, ASCII.
# One `ok`/`FAIL` line a case, and a non-zero exit when one failed.
set -u

if [ $# -lt 1 ]; then
	echo "usage: terminal.sh BIN_DIR [--update]" >&2
	exit 2
fi
analyze=$(cd "$1" && pwd)/ruchy-analyze || exit 2
update=${2:-}
wanted=$(cd "$(dirname "$0")/terminal" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$wanted/../../golden" || exit 2
failed=0

ok() { echo "ok - $1"; }
fail() { failed=1; echo "FAIL - $1: $2"; }

# shows NAME ARGUMENTS…
shows() {
	local name=$1
	shift
	if ! "$analyze" --symfs . "$@" >"$work/out" 2>"$work/err"; then
		fail "$name" "$(tail -n 1 "$work/err")"
	elif [ "$update" = --update ]; then
		cp "$work/out" "$wanted/$name.text"
	elif diff "$wanted/$name.text" "$work/out" >"$work/diff" 2>&1; then
		ok "$name"
	else
		fail "$name" "$(sed -n 1,4p "$work/diff" | tr '\n' '|')"
	fi
}

shows tree --tree arm.rtrace
shows tree-all --tree --min-percent 0 --weight page_faults kernel.rtrace
shows callers --callers golden_leaf arm.rtrace
shows callers-regex --callers '^golden_(main|descend)$' --callees golden_main pac.rtrace
shows by-function --by function --hotspots 1 arm.rtrace
shows by-line --by line dwarf.rtrace
shows by-module --by module --sort total kernel.rtrace
shows by-thread --by thread pac.rtrace
shows by-process --by process kernel.rtrace dwarf.rtrace
shows filter-time --time 100ms.. --by thread pac.rtrace
shows filter-focus --focus golden_leaf --ignore '^nothing$' --tree arm.rtrace
shows filter-nothing --thread nobody --tree arm.rtrace
shows filter-kernel --no-kernel --trim-std --tree --weight page_faults --min-percent 0 kernel.rtrace

name="--color always needs no terminal"
"$analyze" --symfs . --color always arm.rtrace | grep -q $'\033\[1;31m' && ok "$name" || fail "$name" "it has no colours"
name="--color and --color: terminal and flame graph"
"$analyze" -q --symfs . --color=never --color=ipc --flame-graph "$work/svg" pac.rtrace && [ -s "$work/svg" ] && ok "$name" ||
	fail "$name" "no flame graph"

# refuses NAME WORD ARGUMENTS…: status 2 and one line with WORD
refuses() {
	local name=$1 word=$2 got
	shift 2
	"$analyze" --symfs . "$@" >"$work/out" 2>"$work/err"
	got=$?
	if [ $got -eq 2 ] && [ "$(wc -l <"$work/err")" -eq 1 ] && grep -qF -e "$word" "$work/err"; then
		ok "$name"
	else
		fail "$name" "status $got: $(head -n 1 "$work/err")"
	fi
}
refuses "--callers of nothing" "--callers" --callers no_such_function arm.rtrace
refuses "--callees, a bad expression" "--callees" --callees 'a(' arm.rtrace
refuses "--by colour" "--by" --by colour arm.rtrace
refuses "--color of no ratio" "--color" --color sometimes arm.rtrace
refuses "--source-prefix without =" "OLD=NEW" --source-prefix /a arm.rtrace

# on_terminal ENVIRONMENT… -- ARGUMENTS…: what a terminal of 100 columns gets, in $work/out, then the status
on_terminal() {
	python3 - "$work/out" "$@" <<'END'
import fcntl, os, pty, struct, sys, termios
to, words = sys.argv[1], sys.argv[2:]
cut = words.index('--')
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(w.split('=', 1) for w in words[:cut])
    while os.get_terminal_size(1).columns != 100:
        pass
    os.execv(words[cut + 1], words[cut + 1:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 50, 100, 0, 0))
got = b''
while True:
    try:
        some = os.read(fd, 65536)
    except OSError:
        break
    if not some:
        break
    got += some
open(to, 'wb').write(got.replace(b'\r\n', b'\n'))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
}
expect() {
	local name=$1 pattern=$2
	shift 2
	if ! on_terminal "$@"; then
		fail "$name" "it fails"
	elif LC_ALL=C grep -qaP -e "$pattern" "$work/out"; then
		ok "$name"
	else
		fail "$name" "no '$pattern' in: $(head -n 3 "$work/out" | tr '\n' '|')"
	fi
}
expect "PAGER shows the report" '^shown: ' PAGER='sed s/^/shown:\ /' LC_ALL=C.UTF-8 -- "$analyze" --symfs . arm.rtrace
expect "PAGER=cat: none" 'samples .*170 of cpu_cycles' PAGER=cat -- "$analyze" --symfs . arm.rtrace
expect "--no-pager" '^[^s]*samples' PAGER='sed s/^/shown:/' -- "$analyze" --symfs . --no-pager arm.rtrace
expect "a pager that is not there" 'samples' PAGER=/no/such/pager -- "$analyze" --symfs . arm.rtrace
expect "a pager that is left at once" '^left$' PAGER='echo left' -- "$analyze" --symfs . --tree arm.rtrace
expect "UTF-8 bars and colours" '\x1b\[1;31m.*\xe2\x96\x88' PAGER=cat LC_ALL=C.UTF-8 NO_PAGER= -- "$analyze" --symfs . arm.rtrace
expect "ASCII where the locale has no more" '#{8}' PAGER=cat LC_ALL=C -- "$analyze" --symfs . arm.rtrace
name="ASCII is all that there is"
! LC_ALL=C grep -q '[^ -~[:cntrl:]]' "$work/out" && ok "$name" || fail "$name" "it has other bytes"
expect "NO_COLOR" 'samples' PAGER=cat NO_COLOR=1 LC_ALL=C.UTF-8 -- "$analyze" --symfs . arm.rtrace
name="NO_COLOR leaves no escape sequence"
! grep -q $'\033' "$work/out" && ok "$name" || fail "$name" "it has one"
exit $failed
