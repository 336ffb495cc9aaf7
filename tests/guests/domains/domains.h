/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of this test. */
#ifndef DOMAINS_H
#define DOMAINS_H

#include <kit/kit.h>

void policies(struct kit_child *c); /* one that has not run yet */

#endif
