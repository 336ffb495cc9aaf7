#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Whoever asks for tests that there are not gets no success, but an error that says so.
said=$(python3 ../../check.py --only no-test-has-this-name 2>&1)
status=$?
passed=0 failed=0
if [ $status = 1 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
case $said in
*"no test has that in its name"*) passed=$((passed + 1)) ;;
*) failed=$((failed + 1)) ;;
esac
[ $failed = 0 ] || echo "status $status: $said"
# Names of tests, of several words.
said=$(python3 ../../check.py --list --only "unit/abi, guests/version boot/tour")
case $(echo $said) in
"unit/abi guests/version boot/tour") passed=$((passed + 1)) ;;
*) failed=$((failed + 1)) && echo "$said" ;;
esac
for test in test_*.py; do
    if said=$(python3 "$test" 2>&1); then
        passed=$((passed + $(echo "$said" | sed -n 's/^Ran \([0-9]*\) tests* in.*/\1/p')))
    else
        failed=$((failed + 1)) && echo "$said"
    fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
