/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * LODGE_switch_to: a context switch of the guest kernel in one call (public/lodge.h). First all
 * that can be refused is judged and the references are taken, then nothing can fail any more.
 *
 * The roots come last, as the caller's own memory may look different in the new tables: everything
 * that is read from it or written to it is behind us then.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/hypercall.h>
#include <public/arch.h>
#include <public/lodge.h>
#include <pv/descriptors.h>
#include <pv/entry.h>
#include <pv/lodge.h>
#include <pv/page_types.h>
#include <pv/pv.h>
#include <x86/page.h>
#include <x86/uaccess.h>

#define FLAGS                                                                    \
    (LODGE_SWITCH_STACK | LODGE_SWITCH_FS | LODGE_SWITCH_GS | LODGE_SWITCH_TLS | \
     LODGE_SWITCH_KERNEL | LODGE_SWITCH_USER | LODGE_SWITCH_TS)
#define NR_TLS ARRAY_SIZE(((struct lodge_switch *)0)->tls)

static int root_get(uint64_t m, struct domain *d)
{
    if (m >= max_mfn)
        return -XEN_EINVAL;
    return page_type_get(&FRAMES[m], PAGE_TYPE_L4, d);
}

/* A reference on each root that is named and changes, or none and an error. May be preempted. */
static int roots_get(struct vcpu *v, const struct lodge_switch *s, bool *kernel, bool *user)
{
    int rc = 0;

    *kernel = (s->flags & LODGE_SWITCH_KERNEL) && s->kernel_root != v->pv.guest_table.m;
    *user = (s->flags & LODGE_SWITCH_USER) && s->user_root != v->pv.guest_table_user.m;
    if (*kernel)
        rc = root_get(s->kernel_root, v->domain);
    if (rc == 0 && *user && s->user_root != 0) {
        rc = root_get(s->user_root, v->domain);
        if (rc != 0 && *kernel)
            page_type_put(&FRAMES[s->kernel_root], v->domain);
    }
    return rc;
}

static void roots_set(struct vcpu *v, const struct lodge_switch *s, bool kernel, bool user)
{
    if (user)
        pv_set_guest_table_user(v, MFN(s->user_root));
    if (kernel)
        pv_set_guest_table(v, MFN(s->kernel_root));
    else if (s->flags & LODGE_SWITCH_KERNEL) /* the one it has: for the flush */
        pv_load_tables(v);
}

static bool bases_ok(const struct lodge_switch *s)
{
    if ((s->flags & LODGE_SWITCH_FS) && !va_canonical(s->fs_base))
        return false;
    return !(s->flags & LODGE_SWITCH_GS) || va_canonical(s->gs_base_user);
}

int64_t lodge_switch_to(struct vcpu *v, vaddr_t arg)
{
    struct lodge_switch s;
    bool kernel, user;
    int rc = 0;

    if (unlikely(copy_from_guest(&s, arg, sizeof(s)) != 0))
        return -XEN_EFAULT;
    if (unlikely((s.flags & ~FLAGS) || !bases_ok(&s))) {
        guest_refused("switch %lx", (unsigned long)s.flags);
        return -XEN_EINVAL;
    }
    if ((s.flags & LODGE_SWITCH_GS) &&
        unlikely(put_guest_u64(arg + offsetof(struct lodge_switch, gs_base_user_old),
                               segments_gs_user()) != 0))
        return -XEN_EFAULT;
    if (s.flags & LODGE_SWITCH_TLS)
        rc = pv_descriptors_begin(v->domain, s.tls_ptr, s.tls, NR_TLS);
    if (unlikely(rc != 0))
        return rc;
    rc = roots_get(v, &s, &kernel, &user);
    if (unlikely(rc != 0)) {
        if (s.flags & LODGE_SWITCH_TLS)
            page_type_put(&FRAMES[s.tls_ptr >> PAGE_SHIFT], v->domain);
        return rc;
    }
    if (s.flags & LODGE_SWITCH_TLS)
        pv_descriptors_end(v->domain, s.tls_ptr, s.tls, NR_TLS);
    if (s.flags & LODGE_SWITCH_STACK)
        hc_stack_switch(FLAT_KERNEL_SS, s.kernel_sp, 0, 0);
    if (s.flags & LODGE_SWITCH_FS)
        segments_set_fs(s.fs_base);
    if (s.flags & LODGE_SWITCH_GS)
        segments_set_gs_user(s.gs_base_user);
    if (s.flags & LODGE_SWITCH_TS)
        hc_fpu_taskswitch(s.ts, 0, 0, 0);
    roots_set(v, &s, kernel, user);
    return 0;
}
