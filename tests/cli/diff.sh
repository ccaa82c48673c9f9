#!/bin/bash
# SPDX-License-Identifier: MIT
#
# diff.sh BIN_DIR - ruchy-analyze diff: its command line, its rules and exit statuses, its outputs
# in the eyes of their readers; two-column folded stacks are those of RUCHY_CORPORA.
# One `ok`/`FAIL`/`SKIP` line a case, and a non-zero exit when one failed.
set -u

if [ $# -ne 1 ]; then
	echo "usage: diff.sh BIN_DIR" >&2
	exit 2
fi
analyze=$(cd "$1" && pwd)/ruchy-analyze || exit 2
here=$(cd "$(dirname "$0")" && pwd)
corpora=${RUCHY_CORPORA:-$here/../../../shared/corpora}/inferno-diff
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
[ -d "$corpora" ] && corpora=$(cd "$corpora" && pwd)
cd "$work" || exit 2
failed=0

ok() { echo "ok - $1"; }
not_ok() { failed=1; echo "FAIL - $1: $2"; }

# run STATUS LINES NAME ARGUMENTS…: that exit status, so many lines on stderr
run() {
	local wanted=$1 lines=$2 name=$3 got
	shift 3
	timeout 120 "$analyze" diff "$@" >out 2>err </dev/null
	got=$?
	if [ $got -ne "$wanted" ]; then
		not_ok "$name" "exit status $got, expected $wanted: $(tail -n 1 err)"
	elif [ "$(wc -l <err)" -ne "$lines" ]; then
		not_ok "$name" "$(wc -l <err) lines on stderr, expected $lines: $(cat err)"
	else
		ok "$name"
	fi
}
# says NAME WORDS FILE
says() { if grep -qF -- "$2" "$3"; then ok "$1"; else not_ok "$1" "'$2' is not in $3: $(head -n 3 "$3")"; fi; }

# Five runs a side, 1000 samples each: hot has 30 % and then 36 %, cold what is left.
for i in 1 2 3 4 5; do
	hot=$((290 + 4 * i))
	printf 'app;main;hot.part.%d %d\napp;main;cold %d\n' "$i" $hot $((1000 - hot)) >a$i
	hot=$((350 + 4 * i))
	printf 'app;main;hot.isra.0.constprop.%d %d\napp;main;cold %d\napp;fresh 15\n' "$i" $hot $((985 - hot)) >b$i
done

# ---- usage ----
run 2 1 "one side only" a1 a2
run 2 1 "no base" -- b1
run 2 1 "no new" a1 --
run 2 1 "an option of another command" --lines a1 -- b1
for rule in '' self 'self>' 'self>2' 'self+2%' 'self>2% &' 'self>2% & r<1' 'self>2% & p<2' 'self(>2%' 'self()>2%' \
	'self>nan%' 'self>0x1%' 'self>1e3%' 'self>2% x' "$(printf 'self>\033[31m%%')" "$(head -c 9000 /dev/zero | tr '\0' a)>1%"; do
	run 2 1 "refused: --fail-on '$(printf %.20q "$rule")'" --fail-on "$rule" a1 -- b1
done
run 2 1 "a ratio that these have not" --fail-on 'ipc<-5%' a1 -- b1
run 2 1 "a counter that these have not" --weight cycles a1 -- b1
run 2 1 "--absolute without exact totals" --absolute a1 -- b1
run 1 1 "a missing file" a1 -- nothing
printf 'x y 99999999999999999999\n' >huge
run 1 1 "numbers beyond 64 bits" a1 -- huge

# ---- rules ----
run 3 1 "self>+2% fires" --fail-on 'self>+2%' a? -- b?
says "the function is named without its suffix" "self of hot: 30.20% -> 36.20% (+6.00%" err
run 0 0 "self>+7% does not" --fail-on 'self>+7%' a? -- b?
run 3 2 "a line for each rule that fires" --fail-on 'self>+2%' --fail-on 'total(hot) > 1 % & p<0.01 & q<0.05' --fail-on 'self(cold)>0%' \
	a? -- b?
run 3 1 "a fall" --fail-on 'self(cold)<-2%' a? -- b?
run 0 0 "the same on both sides" --fail-on 'self>0%' --fail-on 'total<0%' a? -- a?
run 0 1 "a function that nobody sampled is told" --fail-on 'self(nobody)>1%' a? -- b?
says "as not judged" "not judged" err
run 3 1 "--min-complete, folded stacks are complete" --min-complete 100% --fail-on 'self>1%' a? -- b?
if "$analyze" diff a1 -- b1 | grep -q 'over samples only: with one trace'; then ok "one trace a side: it says so"; else
	not_ok "one trace a side: it says so" "it does not"; fi

# ---- outputs ----
run 3 1 "all outputs" --fail-on 'self>2%' --output j --markdown m --junit x --folded f a? -- b?
cp out first
says "new functions are marked" "fresh  (new)" first
"$analyze" diff --output j2 --fail-on 'self>2%' a? -- b? >second 2>/dev/null
if cmp -s first second && cmp -s j j2; then ok "the same bytes each time"; else not_ok "the same bytes each time" "they differ"; fi
if [ "$(sed -n '/FUNCTION, self/{n;p}' first | awk '{ print $NF }')" = hot ]; then ok "the slower function comes first"; else
	not_ok "the slower function comes first" "$(sed -n '/FUNCTION, self/{n;p}' first)"; fi
says "JUnit: a failure" '<failure message="self of hot' x
if python3 -c 'import sys, xml.dom.minidom as x; x.parse(sys.argv[1])' x; then ok "JUnit is XML"; else not_ok "JUnit is XML" "it is not"; fi
if python3 -c 'import jsonschema' 2>/dev/null; then
	if python3 -c 'import json, sys, jsonschema
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))' j "$here/../../docs/diff.schema.json" 2>err; then
		ok "JSON is as diff.schema.json says"
	else
		not_ok "JSON is as diff.schema.json says" "$(tail -n 1 err)"
	fi
else
	echo "SKIP - JSON schema: python3-jsonschema is not installed"
fi

# Names that mean something to a terminal, to XML, to Markdown.
printf 'app;</text><script>alert(1)</script> 30\napp;\033[31m|`x`\n\x80 20\napp;%s 5\n' "$(head -c 100000 /dev/zero | tr '\0' n)" >hostile
run 3 2 "hostile names" --output j --markdown m --junit x --fail-on 'self>0%&p<1' a1 -- hostile
python3 -c 'import sys, xml.dom.minidom as x, json; x.parse("x"); json.load(open("j"))' || not_ok "hostile names" "invalid output"
if cat out m x err | grep -q "$(printf '\033')" || grep -qF '<script' m x; then
	not_ok "hostile names are inert" "they are not"
else
	ok "hostile names are inert"
fi

# ---- generic arguments ----
printf 'm;get<int>(int) 50\nm;put 50\n' >ga
printf 'm;get<long>(int) 70\nm;put 30\n' >gb
run 3 1 "arguments that changed" --fail-on 'self(get<int>(int))>5%' ga -- gb

# ---- the flame graph ----
printf 'app;main;steady 50\napp;main;was;deeper 30\napp;main;grew 20\n' >before
printf 'app;main;steady 100\napp;main;comes 20\napp;main;grew 80\n' >after
svg() { run 0 0 "$@" && python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse("d.svg")' || not_ok "$1: XML" "$(tail -1 err)"; }
svg "--flame-graph" -q --flame-graph d.svg before -- after
# as wide as after; what vanished stands beside it, its 30 of 100 as 60 of 200
says "is as wide as what came and what went" 'total_samples="260"' d.svg
says "tells both sides' shares" '<title>grew (80 samples, 30.77%, base 20.00%, new 40.00%)</title>' d.svg
says "what went is kept" '<title>deeper (30 samples, 23.08%, base 30.00%, new 0.00%)</title>' d.svg
says "what came is told" '<title>comes (20 samples, 7.69%, base 0.00%, new 10.00%)</title>' d.svg
fill() { grep -o "<title>$1 .*" d.svg | grep -o 'fill="[^"]*"'; }
[ "$(fill was)" = "$(fill deeper)" ] && [ "$(fill was)" != "$(fill comes)" ] && [ "$(fill grew)" != "$(fill steady)" ] &&
	ok "the colours tell them apart" || not_ok "the colours tell them apart" "$(fill was) $(fill comes) $(fill grew)"
svg "--layout base" -q --layout base --inverted --min-width 1 --title T --flame-graph d.svg before -- after
says "is as wide as before and what came" 'total_samples="110"' d.svg
svg "of sides that are alike" -q --flame-graph d.svg before -- before
svg "of two sides that share nothing" -q --flame-graph d.svg a1 -- before
run 2 1 "--layout: neither side" --layout both before -- after

# ---- difffolded ----
if [ -d "$corpora" ]; then
	for pair in "default before" "fractionals before_fractionals" "normalize before --normalize"; do
		read -r result before flag <<<"$pair"
		"$analyze" diff -q ${flag:+"$flag"} --folded - "$corpora/$before.txt" -- "$corpora/after.txt" 2>err | LC_ALL=C sort >got
		if LC_ALL=C sort "$corpora/results/$result.txt" | cmp -s - got; then ok "difffolded: $result"; else
			not_ok "difffolded: $result" "$(diff <(LC_ALL=C sort "$corpora/results/$result.txt") got | head -n 3)"; fi
	done
	run 0 1 "difffolded: a bad line is told" -q "$corpora/bad_before.txt" -- "$corpora/after.txt"
else
	echo "SKIP - difffolded: no corpora in $corpora"
fi

# ---- traces ----
golden=$here/../golden
run 0 0 "a trace with itself" --symfs "$golden" --fail-on 'self>0%' --fail-on 'total<0%' "$golden/dwarf.rtrace" -- "$golden/dwarf.rtrace"
exit $failed
