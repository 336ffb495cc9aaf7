/* SPDX-License-Identifier: GPL-2.0-only */
/* What guests write to the hypervisor's console, gathered into lines. */
#ifndef CORE_CONSOLE_IO_H
#define CORE_CONSOLE_IO_H

struct domain;

int console_io_domain_init(struct domain *d);  /* d->console_line; 0 or -XEN_ENOMEM */
void console_io_domain_free(struct domain *d); /* an unfinished line is lost */

#endif
