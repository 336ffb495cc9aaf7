/* SPDX-License-Identifier: GPL-2.0-only */
/* Which Lodge this is. A file of its own: its object is rebuilt whenever the version changes. */
#include <boot/boot.h>

const char boot_version[] = LODGE_BUILD;
const char boot_date[] = LODGE_DATE;
const char boot_compiler[] = "gcc " __VERSION__;
