#!/bin/bash
# SPDX-License-Identifier: MIT
#
# annotate.sh BIN_DIR - --annotate: source lines and instructions each sum up to the function's self,
# sources are shown only where they may be read, columns where all is one line, and what is in a
# source cannot drive a terminal.
# One `ok`/`FAIL`/`SKIP` line a case, and a non-zero exit when one failed.
set -u

if [ $# -ne 1 ]; then
	echo "usage: annotate.sh BIN_DIR" >&2
	exit 2
fi
bin=$(cd "$1" && pwd) || exit 2
analyze=$bin/ruchy-analyze
golden=$(cd "$(dirname "$0")/../golden" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0

ok() { echo "ok - $1"; }
fail() { failed=1; echo "FAIL - $1: $2"; }

# sums NAME FILE: the parts of an annotated function in FILE
sums() {
	local name=$1 why
	if why=$(python3 - "$2" 2>&1 <<'END'
import re, sys
self_, parts, now = None, {}, None
for line in open(sys.argv[1], encoding='utf-8', errors='replace'):
    if line.rstrip().endswith('itself, of the run'):
        assert self_ is None or parts, 'a function without parts'
        self_ = int(line.split()[1].replace(',', ''))
        parts = {'source': 0, 'instructions': 0}
    elif self_ is not None and re.match(r' +SELF +SAMPLES', line):
        now = 'instructions' if 'INSTRUCTION' in line else 'source'
    elif now and (m := re.match(r' +[0-9.]+% +([0-9,]+)  ', line)):
        parts[now] += int(m[1].replace(',', ''))
    elif line.startswith('  COUNTER'):
        break
assert self_, 'nothing is annotated'
assert parts['source'] == self_ and parts['instructions'] == self_, (self_, parts)
END
	); then
		ok "$name"
	else
		fail "$name" "$(tail -n 1 <<<"$why")"
	fi
}

for trace in arm dwarf fp kernel pac; do
	name="$trace: lines and instructions sum up to self"
	if "$analyze" --symfs "$golden" --annotate golden_leaf "$golden/$trace.rtrace" >"$work/out" 2>"$work/err"; then
		sums "$name" "$work/out"
	else
		fail "$name" "$(tail -n 1 "$work/err")"
	fi
done
name="the kernel's functions have no code, and it says so"
"$analyze" --symfs "$golden" --annotate _copy_to_user "$golden/kernel.rtrace" >"$work/out" 2>"$work/err"
grep -qF "(no code: the kernel's code is not in a trace)" "$work/out" && ok "$name" || fail "$name" "$(tail -n 1 "$work/err")"

if ! command -v gcc >/dev/null; then
	echo "SKIP - sources: there is no gcc"
	exit $failed
fi
cd "$work" || exit 2
mkdir src empty
esc=$(printf '\033')
cat >src/lines.c <<END
/* $esc[2Jclears a screen */
volatile unsigned sink;
static inline __attribute__((always_inline)) unsigned small(unsigned x, unsigned by)
{
	return (x * 2654435761u ^ x >> 7) / by;
}
__attribute__((noipa)) unsigned hot(unsigned n)
{
	unsigned x = n;
	for (unsigned i = 0; i < n; i++)
		x = n / (small(x, (i & 7) + 3) | 1); /* here it is, ${esc}[31mred */
	return x;
}
int main(void)
{
	for (int i = 0; i < 400; i++)
		sink += hot(100000 + (unsigned)i);
	return 0;
}
END
sed 's,/\*.*\*/,,' src/lines.c | tr -d '\n' >src/one.c
for program in lines one; do
	gcc -g -O2 -o $program "src/$program.c" 2>err && "$bin/ruchy-record" -q -o $program.rtrace ./$program 2>err ||
		{ fail "$program" "$(tail -n 1 err)"; exit 1; }
done
"$analyze" --annotate hot lines.rtrace >out 2>err || fail "lines" "$(tail -n 1 err)"
sums "lines and instructions sum up to self, a function inlined into it apart" out
name="the source is shown"
grep -qE '^ +[0-9.]+% +[0-9,]+ +1[01]  .*(small|for \(unsigned)' out && ok "$name" || fail "$name" "$(sed -n 8,20p out | tr '\n' '|')"
name="its control characters are inert"
grep -qF '\x1b[31mred' out && ! grep -q "$esc" out && ok "$name" || fail "$name" "they are not"
name="instructions of inlined functions are told apart"
"$analyze" --annotate small lines.rtrace >inlined 2>err && sums "$name" inlined || fail "$name" "$(tail -n 1 err)"
name="--no-inline"
"$analyze" --no-inline --annotate hot lines.rtrace >out 2>err && sums "$name" out || fail "$name" "$(tail -n 1 err)"
name="with filters"
"$analyze" --time 20%..80% --no-kernel --trim-std --annotate hot lines.rtrace >out 2>err && sums "$name" out ||
	fail "$name" "$(tail -n 1 err)"
name="columns of a program of one line"
"$analyze" --annotate hot one.rtrace >out 2>err && grep -qE '^ +[0-9.]+% +[0-9,]+ +1:[0-9]+ +[^ ]' out && sums "$name" out ||
	fail "$name" "$(tail -n 1 err)"
name="no source from elsewhere"
(cd empty && "$analyze" --annotate hot ../lines.rtrace >../out 2>../err)
! grep -qF 'here it is' out && grep -qF -e '--source-prefix' out && ok "$name" || fail "$name" "it is shown, or nothing is said"
name="--source-prefix tells where"
(cd empty && "$analyze" --source-prefix "$work/src=$work/src" --source-prefix "src=$work/src" --annotate hot ../lines.rtrace >../out 2>../err)
grep -qF 'here it is' out && ok "$name" || fail "$name" "it is not shown: $(grep -m 1 SELF out)"
name="what no function is"
"$analyze" --annotate no_such_function lines.rtrace >out 2>err
[ $? -eq 2 ] && [ "$(wc -l <err)" -eq 1 ] && ok "$name" || fail "$name" "$(head -n 1 err)"
name="what only calls"
"$analyze" --annotate _start lines.rtrace >out 2>err
[ $? -eq 2 ] && grep -q 'never sampled itself' err && ok "$name" || fail "$name" "$(head -n 1 err)"
exit $failed
