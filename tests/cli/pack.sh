#!/bin/bash
# SPDX-License-Identifier: MIT
#
# pack.sh BIN_DIR PROGRAM_DIR - a packed trace gives the same reports where no file of the target is.
#
# Programs are recorded, packed and analyzed twice: here, and in a root directory that holds nothing but
# the analyzer and its libraries, in places where no program looks for them. One `ok`/`FAIL`/`SKIP` line
# a case, and a non-zero exit when one failed.
set -u

if [ $# -ne 2 ]; then
	echo "usage: pack.sh BIN_DIR PROGRAM_DIR" >&2
	exit 2
fi
here=$(cd "$(dirname "$0")" && pwd) || exit 2
bin=$(cd "$1" && pwd) || exit 2
programs=$(cd "$2" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
failed=0 passed=0 skipped=0
unset DEBUGINFOD_URLS

pass() { passed=$((passed + 1)); echo "ok - $1"; }
fail() { failed=$((failed + 1)); echo "FAIL - $1: $2"; }
skip() { skipped=$((skipped + 1)); echo "SKIP - $1: $2"; }
analyze=$bin/ruchy-analyze

record() { # record TRACE COMMAND...
	"$bin/ruchy-record" -q -o "$@" >/dev/null 2>record.err </dev/null
}
if ! record try.rtrace "$programs/recursion"; then
	echo "SKIP - all of pack.sh: cannot record: $(tail -n 1 record.err)"
	exit 0
fi

# ---- the other machine ----

root=$work/root
mkdir -p "$root/x/lib" "$root/proc"
cp "$analyze" "$root/x/"
ldd "$analyze" | grep -o '/[^ ]*' | while read -r library; do cp -L "$library" "$root/x/lib/"; done
loader=$(cd "$root/x/lib" && ls ld-*.so* | head -n 1)
namespace=(unshare -m)
[ "$(id -u)" = 0 ] || namespace=(unshare -r -m)
# Sanitizers read /proc.
away() {
	"${namespace[@]}" sh -c 'mount --rbind /proc "$0/proc" 2>/dev/null; exec chroot "$0" "$@"' "$root" \
		"/x/lib/$loader" --library-path /x/lib /x/ruchy-analyze "$@"
}
if ! away --version >/dev/null 2>away.err; then
	echo "SKIP - all of pack.sh: no other root directory: $(tail -n 1 away.err)"
	exit 0
fi

# same NAME TRACE PACKED ARGUMENTS...: TRACE here and PACKED there; both are called t.rtrace
same() {
	local name=$1 trace=$2 packed=$3 output
	shift 3
	mkdir -p here
	cp "$trace" here/t.rtrace
	cp "$packed" "$root/t.rtrace"
	for output in "--hotspots=20" "--folded=-" "--output=-" "--perf-script=-"; do
		(cd here && "$analyze" "$output" "$@" t.rtrace) >here.out 2>here.err
		away "$output" "$@" t.rtrace >away.out 2>away.err
		if [ ! -s here.out ]; then
			fail "$name" "$output gives nothing here"
			return
		elif ! cmp -s here.out away.out || ! cmp -s here.err away.err; then
			fail "$name" "$output: $(diff here.out away.out | head -n 2; diff here.err away.err | head -n 2)"
			return
		fi
	done
	pass "$name"
}

# differ NAME TRACE ARGUMENTS...: without its files a report is another one, or the test tests nothing
differ() {
	cp "$2" here/t.rtrace
	cp "$2" "$root/t.rtrace"
	(cd here && "$analyze" --folded=- "${@:3}" t.rtrace) >here.out 2>/dev/null
	away --folded=- "${@:3}" t.rtrace >away.out 2>/dev/null
	cmp -s here.out away.out && fail "$1" "the reports are the same" || pass "$1"
}

# ---- programs ----

for program in recursion cpp dlopen signal; do
	if ! record $program.rtrace "$programs/$program"; then
		fail "$program" "$(tail -n 1 record.err)"
		continue
	fi
	"$analyze" pack -q $program.rtrace -o part.rtrace 2>pack.err || fail "pack $program" "$(tail -n 1 pack.err)"
	"$analyze" pack -q --full $program.rtrace -o full.rtrace 2>pack.err || fail "pack $program" "$(tail -n 1 pack.err)"
	same "$program: packed, but for inlined calls and lines" $program.rtrace part.rtrace --no-inline
	same "$program: packed with debug information" $program.rtrace full.rtrace --lines
	"$analyze" pack -q --unwind $program.rtrace -o unwound.rtrace 2>pack.err || fail "unwind $program" "$(tail -n 1 pack.err)"
	same "$program: unwound" $program.rtrace unwound.rtrace --no-inline
done
"$analyze" info --records unwound.rtrace | grep -E '^(chunk|round|  )' >ours
python3 "$here/../format/read_trace.py" --records unwound.rtrace >second 2>err
if [ -s ours ] && diff ours second >diff.out; then
	pass "a second reader reads the unwound trace alike"
else
	fail "a second reader reads the unwound trace alike" "$(tail -n 1 err; head -n 3 diff.out)"
fi
same "unwound again" recursion.rtrace <("$analyze" pack -q --unwind recursion.rtrace -o a.rtrace &&
	"$analyze" pack -q --unwind a.rtrace -o - | cat) --no-inline
mkdir -p here
differ "without the files reports differ" recursion.rtrace
same "packed again" recursion.rtrace <("$analyze" pack -q recursion.rtrace -o a.rtrace &&
	"$analyze" pack -q a.rtrace -o - | cat) --no-inline

# ---- debug information everywhere ----

cat >inlined.c <<'C'
volatile unsigned long sink;
__attribute__((always_inline)) static inline void inlined_work(unsigned long i)
{
	sink += i * i;
}
__attribute__((noinline)) static void local_function(void)
{
	for (unsigned long i = 0; i < 100000000ul; i++)
		inlined_work(i);
}
int main(void)
{
	local_function();
	return 0;
}
C
gcc -O2 -g -o whole inlined.c
objcopy --only-keep-debug whole separate.debug
objcopy --strip-all --add-gnu-debuglink=separate.debug whole separate
gcc -O2 -g -gsplit-dwarf -o split inlined.c
cp whole twin && objcopy --remove-section .note.gnu.build-id twin anonymous
if command -v dwz >/dev/null; then
	cp whole dwz1 && cp whole dwz2 && dwz -m common.debug dwz1 dwz2 2>/dev/null && [ -f common.debug ] || rm -f dwz1
fi
for program in separate split anonymous dwz1; do
	if [ ! -f $program ]; then
		skip "$program" "dwz is not installed"
		continue
	fi
	record $program.rtrace "./$program" || fail "$program" "$(tail -n 1 record.err)"
	"$analyze" pack -q --full $program.rtrace -o full.rtrace
	"$analyze" pack -q $program.rtrace -o part.rtrace
	same "$program: with debug information" $program.rtrace full.rtrace --lines
	if grep -q inlined_work here.out; then
		pass "$program: it has inlined calls"
	else
		fail "$program: it has inlined calls" "none here"
	fi
	same "$program: in part" $program.rtrace part.rtrace --no-inline
done

record whole.rtrace ./whole
"$analyze" pack -q whole.rtrace -o "$root/t.rtrace"
piped=$(cat "$root/t.rtrace" | away --folded=- --no-inline - 2>&1)
if [ "$piped" = "$("$analyze" --folded=- --no-inline whole.rtrace 2>&1)" ]; then
	pass "from a pipe"
else
	fail "from a pipe" "another report than from a file"
fi

# What was left out reads as zeros, which are instructions, too: none may be shown, nor may packing make a whole file of it.
# (Of a program below 64 KB the code is kept.)
{ cat inlined.c; echo '__asm__(".skip 70000");'; } >large.c
gcc -O2 -g -o large large.c
record large.rtrace ./large
without_code() { # without_code NAME TRACE
	cp "$2" "$root/t.rtrace"
	if away --annotate local_function t.rtrace >annotated 2>&1 && ! grep -Eq 'addb|udf' annotated &&
		grep -q 'no code: the trace has the file without it; pack --full' annotated; then
		pass "$1"
	else
		fail "$1" "$(tail -n 5 annotated)"
	fi
}
"$analyze" pack -q large.rtrace -o part.rtrace
without_code "annotated without the code" part.rtrace
away pack -q --full t.rtrace -o again.rtrace
without_code "annotated without the code, packed whole where there is no file" "$root/again.rtrace"
same "packed whole where there is no file" large.rtrace "$root/again.rtrace" --no-inline
"$analyze" pack -q --full large.rtrace -o "$root/t.rtrace"
if away --annotate inlined_work t.rtrace >annotated 2>&1 && ! grep -q 'has the file without it' annotated; then
	pass "annotated with the code"
else
	fail "annotated with the code" "$(tail -n 5 annotated)"
fi

# The same build on this machine has the lines that a file in part lacks; another build has nothing to say.
"$analyze" pack -q whole.rtrace -o part.rtrace
if "$analyze" --folded=- part.rtrace | grep -q inlined_work; then
	pass "a file here, of the same build, has lines"
else
	fail "a file here, of the same build, has lines" "no inlined call"
fi
sed 's/i \* i/i + i/' inlined.c >other.c
gcc -O2 -g -o whole other.c
if "$analyze" --folded=- part.rtrace 2>err | grep -q 'main;local_function [0-9]' && [ ! -s err ]; then
	pass "another build in its place: the trace's file counts"
else
	fail "another build in its place: the trace's file counts" "$(cat err; "$analyze" --folded=- part.rtrace | head -n 2)"
fi

# ---- bundled by the recorder ----

gcc -O2 -g -o whole inlined.c && cp whole kept
cat >fork.sh <<'S'
./whole & wait
S
record bundle.rtrace --bundle sh fork.sh || fail "record --bundle" "$(tail -n 1 record.err)"
# libc's separate debug file, with names of its local functions, is not among what is mapped
cp bundle.rtrace "$root/t.rtrace"
samples() { grep -E '^whole;.*;main;local_function [0-9]+$' | sed 's/.* //' | grep .; }
if [ "$("$analyze" --folded=- --no-inline bundle.rtrace | samples)" = "$(away --folded=- t.rtrace 2>away.err | samples)" ] && [ ! -s away.err ]; then
	pass "bundled by the recorder"
else
	fail "bundled by the recorder" "$(away --folded=- t.rtrace 2>&1 | grep -m 2 local_function)"
fi
record full.rtrace --bundle=full ./kept || fail "record --bundle=full" "$(tail -n 1 record.err)"
cp full.rtrace "$root/t.rtrace"
if away --folded=- t.rtrace 2>&1 | grep -q 'main;local_function;inlined_work'; then
	pass "bundled whole, it has inlined calls"
else
	fail "bundled whole, it has inlined calls" "$(away --folded=- t.rtrace 2>&1 | head -n 2)"
fi
# In a pipe they come behind the samples.
if "$analyze" --folded=- - <full.rtrace 2>&1 >/dev/null | grep -q . || ! cat full.rtrace | "$analyze" - 2>&1 | grep -q "files of the target stand at its end, too late in a pipe"; then
	fail "bundled, read from a pipe" "$(cat full.rtrace | "$analyze" - 2>&1 | head -n 12)"
else
	pass "bundled, read from a pipe: it is said"
fi
cat >deleted.c <<'C'
#include <unistd.h>
volatile unsigned long sink;
__attribute__((noinline)) static void local_function(void)
{
	for (unsigned long i = 0; i < 100000000ul; i++)
		sink += i * i;
}
int main(int argc, char **argv)
{
	(void)argc;
	unlink(argv[0]);
	local_function();
	return 0;
}
C
gcc -O2 -o deleted deleted.c
record deleted.rtrace --bundle ./deleted || fail "record --bundle of a deleted file" "$(tail -n 1 record.err)"
cp deleted.rtrace "$root/t.rtrace"
if away --folded=- t.rtrace 2>&1 | grep -q 'main;local_function'; then
	pass "a file that is deleted while it runs"
else
	fail "a file that is deleted while it runs" "$(cat record.err; away --folded=- t.rtrace 2>&1 | head -n 2)"
fi
"$bin/ruchy-record" --bundle=some -o x.rtrace true 2>err && fail "--bundle=some" "taken" || pass "--bundle=some is refused: $(cat err)"

# ---- refusals, the file ----

refuses() { # refuses NAME STATUS PATTERN ARGUMENTS...
	local name=$1 status=$2 pattern=$3
	shift 3
	"$analyze" "$@" >out 2>err </dev/null
	local got=$?
	if [ $got -ne "$status" ]; then
		fail "$name" "status $got: $(tail -n 1 err)"
	elif [ "$(wc -l <err)" -ne 1 ] || ! grep -q "^ruchy-analyze: .*$pattern" err; then
		fail "$name" "it says: $(head -n 2 err)"
	else
		pass "$name"
	fi
}
refuses "no output" 2 'takes one trace and -o FILE' pack recursion.rtrace
refuses "two traces" 2 'takes one trace' pack recursion.rtrace cpp.rtrace -o x.rtrace
refuses "a pipe" 2 'it takes a file' pack - -o x.rtrace
refuses "into itself" 2 'not packed into itself' pack recursion.rtrace -o ./recursion.rtrace
ln -sf /etc/hostname link
refuses "through a link" 1 'link: it cannot be written' pack recursion.rtrace -o link
refuses "a directory that is not there" 1 'none/x: it cannot be written' pack recursion.rtrace -o none/x
refuses "a full disk" 1 'No space left' pack recursion.rtrace -o /dev/full
printf 'PERFILE2%200s' x >perf.data
"$analyze" pack perf.data -o x.rtrace 2>err && fail "a perf.data file" "taken" || pass "a perf.data file"
[ -e x.rtrace ] && fail "refused: nothing is written" "x.rtrace" || pass "refused: nothing is written"
"$analyze" pack -q recursion.rtrace -o mode.rtrace
[ "$(stat -c %a mode.rtrace)" = 600 ] && pass "for its owner only" || fail "for its owner only" "$(stat -c %a mode.rtrace)"
if "$analyze" info --verify mode.rtrace >info.out && grep -q '^files .*files of the target' info.out; then
	pass "info tells of the files"
else
	fail "info tells of the files" "$(tail -n 2 info.out)"
fi

echo "pack.sh: $passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
