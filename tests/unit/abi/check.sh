#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs the checks of include/public/ one by one, names each, and counts. Called by the Makefile with
# INC (the include directory), OUT (where to build) and CC.
set -u
mkdir -p "$OUT"
passed=0
failed=0

# result NAME STATUS LOG: one line per check, the log of a failed one below it.
result()
{
    if [ "$2" -eq 0 ]; then
        passed=$((passed + 1))
        echo "ok    $1"
    else
        failed=$((failed + 1))
        echo "FAIL  $1"
        sed 's/^/      /' "$3" | head -40
    fi
}

# try NAME COMMAND...: a check that is one command.
try()
{
    name=$1
    shift
    "$@" > "$OUT/log" 2>&1
    result "$name" $? "$OUT/log"
}

warn="-std=gnu17 -Wall -Wextra -Werror -I$INC"

# Each header alone: in the hypervisor, in a tool, twice over, and (constants only) in assembly.
for header in $(cd "$INC" && find public -name '*.h' | sort); do
    src="$OUT/alone.c"
    printf '#include <%s>\n#include <%s>\nint alone;\n' "$header" "$header" > "$src"
    try "$header, freestanding" $CC $warn -ffreestanding -nostdinc \
        -isystem "$($CC -print-file-name=include)" -fsyntax-only "$src"
    try "$header, in a tool" $CC $warn -fsyntax-only "$src"
    case $header in
    */hypercalls.h | */arch.h | */shared_info.h | */xen.h | */elfnote.h | */features.h | */cpuid.h | */lodge.h)
        printf '#include <%s>\n.quad 0\n' "$header" > "$OUT/alone.S"
        try "$header, in assembly" $CC -I"$INC" -c -o "$OUT/alone.o" "$OUT/alone.S"
        ;;
    esac
done

try "extensions stay in their own name space" ./gen.py --own "$INC"
if [ ! -e /usr/include/xen/domctl.h ]; then
    echo "libxen-dev is not installed: there is nothing to compare with (apt-get install libxen-dev)" \
        > "$OUT/log"
    result "the reference headers are there" 1 "$OUT/log"
else
    ref="-DREFERENCE -D__XEN_TOOLS__"
    try "the comparison can be written" sh -c "./gen.py '$INC' > '$OUT/abi.c'"
    try "it compiles with our headers" $CC -w -I"$INC" -o "$OUT/ours" "$OUT/abi.c"
    try "it compiles with the reference" $CC -w $ref -o "$OUT/reference" "$OUT/abi.c"
    "$OUT/ours" > "$OUT/ours.txt"
    "$OUT/reference" > "$OUT/reference.txt"
    try "there are over 2000 lines to compare" test "$(wc -l < "$OUT/ours.txt")" -gt 2000
    try "layouts and values are the same" diff "$OUT/ours.txt" "$OUT/reference.txt"
    try "no operation number is missing" ./gen.py --missing "$INC"
fi

echo "abi: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
