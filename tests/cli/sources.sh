#!/bin/bash
# SPDX-License-Identifier: MIT
#
# sources.sh BIN_DIR - where names, inlined calls and lines are found: in the file, in separate debug
# files by every way that leads to one, in MiniDebugInfo, from a debuginfod server; and that a file
# which is not the right one names nothing.
#
# One program, recorded once; then its file is changed, and each time the report must have the line,
# or must not. One `ok`/`FAIL`/`SKIP` line a case, and a non-zero exit when one failed.
set -u

if [ $# -ne 1 ]; then
	echo "usage: sources.sh BIN_DIR" >&2
	exit 2
fi
bin=$(cd "$1" && pwd) || exit 2
work=$(mktemp -d) || exit 2
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 2
failed=0 passed=0 skipped=0
unset DEBUGINFOD_URLS

pass() { passed=$((passed + 1)); echo "ok - $1"; }
fail() { failed=$((failed + 1)); echo "FAIL - $1: $2"; }
skip() { skipped=$((skipped + 1)); echo "SKIP - $1: $2"; }

cat >program.c <<'C'
volatile unsigned long sink;
__attribute__((always_inline)) static inline void inlined_work(unsigned long i)
{
	sink += i * i;
}
__attribute__((noinline)) static void local_function(void)
{
	for (unsigned long i = 0; i < 400000000ul; i++)
		inlined_work(i);
}
int main(void)
{
	local_function();
	return 0;
}
C
mkdir built
gcc -O2 -g -o built/program program.c || exit 1
if ! "$bin/ruchy-record" -q -o trace.rtrace "$work/built/program" 2>err; then
	echo "SKIP - all of sources.sh: cannot record: $(tail -n 1 err)"
	exit 0
fi
id=$(readelf -n built/program | sed -n 's/.*Build ID: //p')
trace=$work/trace.rtrace

# The program with its debug information taken away: bare/program, and what was taken: whole.debug
mkdir bare
objcopy --only-keep-debug built/program whole.debug
objcopy --strip-debug built/program bare/program
objcopy --strip-all built/program stripped

# report ARGUMENTS…: folded stacks, and info --modules; built/ is out of the way meanwhile
report() {
	mv built away
	"$bin/ruchy-analyze" -q --folded=out.folded "$@" "$trace" 2>err &&
		"$bin/ruchy-analyze" info --modules "$@" "$trace" >modules 2>>err
	local status=$?
	mv away built
	return $status
}

# The share of lines that matters here is one function's; either it is expanded everywhere or nowhere.
has() { grep -q "$1" out.folded; }
inlines() {
	if ! report "${@:2}"; then
		fail "$1" "$(tail -n 1 err)"
	elif ! has 'main;local_function;inlined_work'; then
		fail "$1" "no inlined call: $(head -n 1 out.folded)"
	else
		pass "$1"
	fi
}
no_inlines() {
	if ! report "${@:2}"; then
		fail "$1" "$(tail -n 1 err)"
	elif has inlined_work; then
		fail "$1" "an inlined call from nowhere: $(head -n 1 out.folded)"
	else
		pass "$1"
	fi
}
# place DIR FILE: a sysroot DIR in which FILE is the program
place() {
	mkdir -p "$1/$work/built"
	cp "$2" "$1/$work/built/program"
}

place whole built/program
inlines "the file itself below a sysroot" --sysroot whole
place bare.root bare/program
no_inlines "no debug file" --sysroot bare.root
mkdir none
inlines "the second sysroot, where the first has nothing" --sysroot none --sysroot whole
no_inlines "the first sysroot wins" --sysroot bare.root --sysroot whole

mkdir -p debug/.build-id/"${id:0:2}"
cp whole.debug debug/.build-id/"${id:0:2}/${id:2}.debug"
inlines "by build-id in a debug directory" --sysroot bare.root --debug-dir debug
grep -q "debug info  *debug/.build-id" modules && pass "info --modules names the debug file" ||
	fail "info --modules names the debug file" "$(grep debug modules)"
inlines "the second debug directory" --sysroot bare.root --debug-dir none --debug-dir debug
place rooted bare/program
mkdir -p rooted/usr/lib/debug/.build-id/"${id:0:2}"
cp whole.debug rooted/usr/lib/debug/.build-id/"${id:0:2}/${id:2}.debug"
inlines "by build-id in the sysroot's own debug directory" --sysroot rooted

# Another build's debug file under the right name
sed 's/i \* i/i + i/' program.c >other.c
gcc -O2 -g -o other other.c && objcopy --only-keep-debug other other.debug
mkdir -p wrong/.build-id/"${id:0:2}"
cp other.debug wrong/.build-id/"${id:0:2}/${id:2}.debug"
no_inlines "another build's debug file under the right name" --sysroot bare.root --debug-dir wrong

# Debug links: by CRC where there is no build-id, which the trace then must not have either
place linked bare/program
objcopy --add-gnu-debuglink=whole.debug "linked$work/built/program"
cp whole.debug "linked$work/built/"
inlines "by debug link beside the file" --sysroot linked
mkdir "linked$work/built/.debug"
mv "linked$work/built/whole.debug" "linked$work/built/.debug/"
inlines "by debug link in .debug" --sysroot linked
mkdir -p "debug$work/built"
mv "linked$work/built/.debug/whole.debug" "debug$work/built/"
rm debug/.build-id/"${id:0:2}/${id:2}.debug"
inlines "by debug link in a debug directory" --sysroot linked --debug-dir debug

# dwz: the debug file's common parts in a supplementary file
if ! command -v dwz >/dev/null; then
	skip "a supplementary file (dwz)" "dwz is not installed"
else
	cp whole.debug one.debug
	cp whole.debug two.debug
	if dwz -m common.debug -M common.debug one.debug two.debug 2>err && [ -s common.debug ]; then
		place dwz.root bare/program
		objcopy --add-gnu-debuglink=one.debug "dwz.root$work/built/program"
		cp one.debug common.debug "dwz.root$work/built/"
		inlines "a supplementary file (dwz)" --sysroot dwz.root
		rm "dwz.root$work/built/common.debug"
		no_inlines "a supplementary file (dwz) that is missing" --sysroot dwz.root
	else
		fail "a supplementary file (dwz)" "dwz: $(tail -n 1 err)"
	fi
fi

# Split DWARF
mkdir split
for version in 4 5; do
	rm -rf split.root
	(cd split && gcc -O2 -g -gdwarf-$version -gsplit-dwarf -Wl,--build-id=0x"$id" -o program ../program.c)
	place split.root split/program
	inlines "a .dwo file, DWARF $version" --sysroot split.root
	if ! command -v dwp >/dev/null && ! command -v llvm-dwp >/dev/null; then
		skip "a .dwp file, DWARF $version" "neither dwp nor llvm-dwp is installed"
	else
		dwo=$(echo split/*.dwo)
		# binutils 2.40's dwp crashes on DWARF 5
		(llvm-dwp "$dwo" -o package || dwp -e split/program -o package) >err 2>&1 &&
			mv package "split.root$work/built/program.dwp"
		rm -f split/*.dwo
		inlines "a .dwp file, DWARF $version" --sysroot split.root
		rm -f "split.root$work/built/program.dwp"
	fi
	rm -f split/*.dwo
	no_inlines "a .dwo file that is missing, DWARF $version" --sysroot split.root
done

# Compressed sections
for how in zlib zlib-gnu zstd; do
	if objcopy --compress-debug-sections=$how built/program packed 2>err; then
		place packed.root packed
		inlines "debug sections compressed by $how" --sysroot packed.root
	else
		skip "debug sections compressed by $how" "$(head -n 1 err)"
	fi
done

# MiniDebugInfo: the symbols of local functions, compressed, in a stripped file
place stripped.root stripped
no_inlines "a stripped file" --sysroot stripped.root
has local_function && fail "a stripped file has no local names" "$(head -n 1 out.folded)" ||
	pass "a stripped file has no local names"
if command -v xz >/dev/null; then
	objcopy -S --remove-section .comment --keep-symbol=local_function whole.debug mini 2>err
	xz -k mini
	objcopy --add-section .gnu_debugdata=mini.xz stripped "stripped.root$work/built/program"
	report --sysroot stripped.root && has 'local_function' && pass "MiniDebugInfo" ||
		fail "MiniDebugInfo" "$(head -n 1 out.folded) $(tail -n 1 err)"
	grep -q 'symbols *.gnu_debugdata' modules && pass "info --modules tells of MiniDebugInfo" ||
		fail "info --modules tells of MiniDebugInfo" "$(grep symbols modules)"
else
	skip "MiniDebugInfo" "xz is not installed"
fi

# debuginfod: a server of our own on the loopback interface; nothing is asked without the flag
cat >server.py <<'PY'
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        kind = self.path.split("/")[-1]
        with open("requests", "a") as log:
            log.write(self.path + "\n")
        name = {"debuginfo": "whole.debug", "executable": "bare/program"}.get(kind)
        if name is None or self.path.split("/")[-2] != sys.argv[1]:
            self.send_error(404)
            return
        data = open(name, "rb").read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def log_message(self, *arguments):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
PY
if ! python3 -c 'import ctypes; ctypes.CDLL("libdebuginfod.so.1")' 2>/dev/null; then
	skip "debuginfod" "libdebuginfod is not installed"
else
	: >requests
	python3 server.py "$id" >port &
	server=$!
	for _ in 1 2 3 4 5 6 7 8 9 10; do [ -s port ] || sleep 0.2; done
	export DEBUGINFOD_URLS="http://127.0.0.1:$(cat port)/" DEBUGINFOD_CACHE_PATH=$work/cache
	no_inlines "a server, and nobody asks it" --sysroot bare.root
	[ -s requests ] && fail "no request without --debuginfod" "$(head -n 1 requests)" ||
		pass "no request without --debuginfod"
	inlines "debug info from a server" --sysroot bare.root --debuginfod
	inlines "the file itself from a server" --debuginfod
	grep -q executable requests && pass "the server was asked for the file" ||
		fail "the server was asked for the file" "$(cat requests)"
	rm -rf cache
	cp other.debug whole.debug
	no_inlines "a server that sends another build" --sysroot bare.root --debuginfod
	unset DEBUGINFOD_URLS
	"$bin/ruchy-analyze" --debuginfod "$trace" >out 2>err
	[ $? -eq 2 ] && grep -q DEBUGINFOD_URLS err && pass "--debuginfod without a server" ||
		fail "--debuginfod without a server" "$(tail -n 1 err)"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
