#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs each test program and adds up their closing lines. Called by the Makefile with OUT and TESTS.
passed=0 failed=0
for test in $TESTS; do
    text=$("$OUT/$test" 2>&1)
    status=$?
    echo "$test: $(echo "$text" | tail -n 1)"
    set -- $(echo "$text" | tail -n 1 | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p')
    # A program that died has no closing line, or a status that does not fit it.
    if [ $# != 2 ] || { [ $status != 0 ] && [ "$2" = 0 ]; }; then
        echo "$text" | tail -n 40
        set -- "${1:-0}" 1
    elif [ "$2" != 0 ] || [ "$test" = test_threads ] || [ "$test" = test_evil ]; then
        echo "$text" | sed '$d; s/^/    /'
    fi
    passed=$((passed + $1)) failed=$((failed + $2))
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
