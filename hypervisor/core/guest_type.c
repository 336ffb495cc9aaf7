/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest types that there are; which one a domain gets is said when it is created. */
#include <core/guest_type.h>
#include <public/domctl.h>

static const struct guest_type *const guest_types[] = {&pv_type, &hvm_type};

const struct guest_type *guest_type_find(uint32_t create_flags)
{
    for (unsigned i = 0; i < ARRAY_SIZE(guest_types); i++)
        if ((create_flags & GUEST_TYPE_FLAGS) == guest_types[i]->create_flags)
            return guest_types[i];
    return NULL;
}
