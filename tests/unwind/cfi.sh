#!/bin/bash
# SPDX-License-Identifier: MIT
#
# cfi.sh BIN_DIR [PROGRAMS_DIR] - every row of call frame information of this system's large and odd
# files equals what `readelf --debug-dump=frames-interp` prints, which shares no code with ours:
# libraries, compilers, interpreters, a Rust program, .debug_frame plain and compressed, and the
# aarch64 files of the lab (tests/pmu-lab/fetch.sh) where they are. The vdso is the unit test's.
set -u
check=$(realpath "$1")/tests/unit/test_cfi_rows
programs=${2:-}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0
lab=${RUCHY_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ruchy-pmu-lab}/sysroot

# run WHAT LEAST FILES... - compare them; fewer than LEAST is not what was meant to be tested.
run() {
	local what=$1 least=$2
	shift 2
	if [ $# -lt "$least" ]; then
		echo "SKIP - rows of $what: only $# of $least files are here"
	elif "$check" "$@" >"$work/out" 2>&1; then
		grep ' rows, ' "$work/out"
		echo "ok - rows of $what: $(grep ' equal ' "$work/out")"
	else
		failed=1
		grep -v '^\[' "$work/out" | tail -n 20
		echo "not ok - rows of $what: they differ from readelf's"
	fi
}

# Real files, each once, that are ELF.
elf_files() {
	local f
	for f in "$@"; do
		[ -f "$f" ] && [ "$(head -c 4 "$f" | tail -c 3)" = ELF ] && realpath "$f"
	done | sort -u
}

if ! command -v readelf >/dev/null; then
	echo "SKIP - rows against readelf: it is not here"
	exit 0
fi

multi=/usr/lib/$(gcc -print-multiarch 2>/dev/null || echo "$(uname -m)-linux-gnu")
mapfile -t files < <(elf_files /lib64/ld-linux-x86-64.so.2 /lib/ld-linux-aarch64.so.1 \
	"$multi"/lib{c,m,stdc++,gcc_s,crypto,ssl,z,zstd,lzma,bz2,dw,elf,unwind-*,cjson,cmocka,ncursesw,tinfo,sqlite3,xml2,icuuc}.so.[0-9]* \
	"$multi"/lib{gmp,mpfr,mpc,isl,bfd-*,opcodes-*,expat,ffi,systemd,LLVM-*,clang-cpp}.so* "$multi"/libLLVM*.so* \
	/usr/lib/gcc/*/*/{cc1,cc1plus,lto1,collect2} /usr/bin/{python3,perl,bash,git,gdb,ld.bfd,as,objdump,apt,openssl,dpkg,tar} \
	"$programs"/{rust_stacks,rust_contract,cpp,recursion})
run "this system" 30 "${files[@]}"

# .debug_frame, as code without exceptions has it, and the same compressed.
printf 'int f(int *p, int n) { int r = 0; while (n--) r += p[n]; return r; }\nint main(int c, char **v) { int a[9] = { c }; (void)v; return f(a, c) * f(a + 1, 2); }\n' >"$work/frame.c"
for kind in none zlib zlib-gnu; do
	if gcc -g -O1 -fno-asynchronous-unwind-tables -fno-unwind-tables -gz=$kind -o "$work/frame-$kind" "$work/frame.c" 2>"$work/err" &&
		readelf -SW "$work/frame-$kind" | grep -q 'debug_frame'; then
		run ".debug_frame (-gz=$kind)" 1 "$work/frame-$kind"
	else
		echo "SKIP - rows of .debug_frame (-gz=$kind): this compiler makes none"
	fi
done

if command -v aarch64-linux-gnu-readelf >/dev/null; then
	mapfile -t files < <(elf_files "$lab"/{,usr/}lib/aarch64-linux-gnu/*.so.[0-9]* "$lab"/lib/ld-linux-aarch64.so.1)
	run "aarch64" 10 "${files[@]}"
else
	echo "SKIP - rows of aarch64: no aarch64-linux-gnu-readelf here"
fi
exit $failed
