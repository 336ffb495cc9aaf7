#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs each test program and adds up their closing lines.
passed=0 failed=0
for test in test_cfg test_domcfg test_domain test_action test_device test_splitdev test_console test_guest test_daemon test_daemon_store test_loop test_top test_trace golden commands screen trace docs; do
    if [ $test = golden ]; then
        text=$(python3 golden.py "$OUT/lodge" 2>&1)
    elif [ $test = trace ] || [ $test = commands ]; then
        text=$(python3 $test.py "$OUT/lodge" 2>&1)
    elif [ $test = screen ]; then
        text=$(python3 test_screen.py "$OUT/lodge" 2>&1)
    elif [ $test = test_trace ]; then
        text=$(python3 served.py | "$OUT/test_trace" 2>&1)
    elif [ $test = docs ]; then
        text=$(sh ./docs.sh 2>&1)
    else
        text=$("$OUT/$test" 2>&1)
    fi
    status=$?
    echo "$test: $(echo "$text" | tail -n 1)"
    set -- $(echo "$text" | tail -n 1 | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p')
    # A program that died has no closing line, or a status that does not fit it.
    if [ $# != 2 ] || { [ $status != 0 ] && [ "$2" = 0 ]; }; then
        echo "$text" | tail -n 40
        set -- "${1:-0}" 1
    elif [ "$2" != 0 ]; then
        echo "$text"
    fi
    passed=$((passed + $1)) failed=$((failed + $2))
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
