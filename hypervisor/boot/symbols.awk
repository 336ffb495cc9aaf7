# SPDX-License-Identifier: GPL-2.0-only
# Turns `nm -n` output into the symbol table that stack dumps search: offsets of code symbols from
# the start of the image, in order, then where each name starts, then the names themselves.
BEGIN { n = 0 }
$1 ~ /^ffff81/ && $2 ~ /^[tT]$/ && $3 !~ /^\./ {
    if ($1 == last)
        next
    last = $1
    addr[n] = $1
    name[n] = $3
    n++
}
END {
    print "# SPDX-License-Identifier: GPL-2.0-only"
    print "    .section .symbols, \"a\", @progbits"
    print "    .balign 8"
    print "    .globl symbols_count, symbols_offsets, symbols_names, symbols_strings"
    print "symbols_count:\n    .quad " n + 0
    print "symbols_offsets:"
    for (i = 0; i < n; i++)
        print "    .long 0x" addr[i] " - 0xffff810000000000"
    print "symbols_names:"
    at = 0
    for (i = 0; i < n; i++) {
        print "    .long " at
        at += length(name[i]) + 1
    }
    print "symbols_strings:"
    for (i = 0; i < n; i++)
        print "    .asciz \"" name[i] "\""
}
