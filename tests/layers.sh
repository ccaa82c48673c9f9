#!/bin/bash
# SPDX-License-Identifier: MIT
#
# layers.sh - who may include whom (docs/design.md). Prints each breach and fails.
set -u
cd "$(dirname "$0")/.." || exit 1
breaches=0

# Every include of the files $1 (find arguments) must match the regex $2, or $3 is said.
only() {
	local files=$1 allowed=$2 why=$3 found
	# shellcheck disable=SC2086 # $files is a list of find's arguments
	found=$(find $files -name '*.[ch]' -exec grep -HnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' {} + |
		grep -vE "\"($allowed)" || true)
	if [ -n "$found" ]; then
		printf '%s\n  -> %s\n' "$found" "$why"
		breaches=1
	fi
}

# The pattern $1 may stand in no file below $2 but those matching the regex $3.
seam() {
	local pattern=$1 where=$2 allowed=$3 found
	# shellcheck disable=SC2086
	found=$(grep -rnE "$pattern" --include='*.[ch]' $where | grep -vE "^($allowed):" || true)
	if [ -n "$found" ]; then
		printf '%s\n  -> only %s may\n' "$found" "$allowed"
		breaches=1
	fi
}

only include 'ruchy/' 'include/ sees itself only'
only format '(ruchy|format)/' 'format/ sees include/ and itself'
only record '(ruchy|record)/' 'record/ sees include/ and itself'
only analyze '(ruchy|analyze)/' 'analyze/ sees include/ and itself'
only analyze/process '(ruchy|analyze/process)/' 'process/ is the lowest room'
only analyze/unwind '(ruchy|analyze/(process|unwind))/' 'unwind/ sees process/'
only analyze/symbolize '(ruchy/|analyze/(pool\.h|process/|unwind/|symbolize/))' 'symbolize/ sees process/ and unwind/'
only analyze/profile '(ruchy|analyze/(pool\.h|filter\.h|process/module|unwind/stack|symbolize/symbolize|profile/))' \
	'profile/ sees what stages hand over'
only analyze/report '(ruchy/error|ruchy/event|ruchy/bytes|analyze/(profile|report)/)' 'reports see the profile and nothing below it'
only analyze/diff '(ruchy/error|ruchy/event|ruchy/bytes|analyze/(profile|report|diff)/)' 'diff/ sees the profile and what reports share'

everything='include format record analyze'
seam '# *include <zstd' "$everything" 'format/codec_zstd\.c'
seam '# *include <(elfutils/|libelf|gelf|dwarf\.h)' "$everything" \
	'analyze/process/module_[a-z]*\.[ch]|analyze/unwind/cfi_[a-z]*\.[ch]|analyze/symbolize/(symbolize|dwarf)_[a-z]*\.[ch]'
seam '# *include <cjson' "$everything" 'analyze/report/json_build\.h'
seam '# *include <zlib' "$everything" 'analyze/report/gzip_out\.c'
seam '# *include <capstone' "$everything" 'analyze/disasm_capstone\.c'
seam '# *include <libunwind' "$everything" 'analyze/unwind/unwind_libunwind\.c'
seam '# *include <libdeflate' "$everything" 'analyze/process/module_section\.c'
seam '# *include <libiberty' "$everything" 'analyze/symbolize/demangle\.c'
seam 'perf_event_open\([^2]|SYS_perf_event_open|__NR_perf_event_open' 'format analyze' 'nobody'
exit $breaches
