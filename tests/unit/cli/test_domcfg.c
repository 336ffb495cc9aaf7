// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_domcfg.c: the meaning of config files, sets of processors, uuids, and JSON there and back.
 */
#include "check.h"

#include <stdlib.h>
#include <liblodge/domcfg.h>
#include <liblodge/size.h>
#include <libctl/libctl.h>

static struct domcfg dc;
static char err[400], warnings[2000];
/* A file that is there; the test is run from its own folder. */
#define BASE "name='g'\nkernel='test_domcfg.c'\n"

static void take_warning(void *arg, const char *msg)
{
    (void)arg;
    strcat(warnings, msg);
    strcat(warnings, "\n");
}

static int read_config(const char *text)
{
    struct cfg cfg;
    int rc;

    lodge_domcfg_free(&dc);
    err[0] = warnings[0] = '\0';
    lodge_cfg_init(&cfg);
    CHECK(!lodge_cfg_parse(&cfg, "t", text, strlen(text)));
    rc = lodge_domcfg_from_cfg(&dc, &cfg, take_warning, NULL, err, sizeof(err));
    lodge_cfg_free(&cfg);
    return rc;
}

static void refused(const char *text, const char *why)
{
    CHECK(read_config(text) == -1);
    CHECK_STR(err, why);
}

static void test_defaults(void)
{
    CHECK(!read_config(BASE));
    CHECK_STR(dc.name, "g");
    CHECK(strstr(dc.kernel, "/test_domcfg.c") && dc.kernel[0] == '/');
    CHECK(!dc.ramdisk && !strcmp(dc.cmdline, ""));
    CHECK(dc.memory_mib == 32 && dc.maxmem_mib == 32 && dc.vcpus == 1 && dc.maxvcpus == 1);
    CHECK(dc.on[ON_POWEROFF] == ON_DESTROY && dc.on[ON_REBOOT] == ON_RESTART);
    CHECK(dc.on[ON_CRASH] == ON_DESTROY && dc.on[ON_WATCHDOG] == ON_DESTROY);
    CHECK(!dc.has_uuid && !dc.weight && dc.cap == -1 && !dc.nr_pin && !warnings[0]);
}

static void test_meaning(void)
{
    CHECK(!read_config(BASE "type='pv'\nbuilder='generic'\nmemory='64'\nmaxmem=128\nvcpus=2\n"
                            "maxvcpus=4\nroot='/dev/xvda1 ro'\nextra='quiet'\ncpu_weight=512\n"
                            "cap=50\nuuid='A2e1d0c3-7b54-4f6e-9d38-1c0b5a69e872'\n"
                            "on_crash='preserve'\non_reboot='rename-restart'\n"));
    CHECK(dc.memory_mib == 64 && dc.maxmem_mib == 128 && dc.vcpus == 2 && dc.maxvcpus == 4);
    CHECK_STR(dc.cmdline, "root=/dev/xvda1 ro quiet");
    CHECK(dc.weight == 512 && dc.cap == 50 && dc.has_uuid && dc.uuid[0] == 0xa2);
    CHECK(dc.on[ON_CRASH] == ON_PRESERVE && dc.on[ON_REBOOT] == ON_RENAME_RESTART);
    CHECK(!warnings[0]);
    CHECK(!read_config(BASE "cmdline='all'\nroot='x'\n") && !strcmp(dc.cmdline, "all"));
    CHECK_STR(warnings, "t:3: cmdline is set, so root and extra are ignored\n");
    CHECK(!read_config(BASE "vfb=['']\ncolour='red'\n"));
    CHECK_STR(warnings, "t:3: 'vfb' is not supported and has no effect\n"
                        "t:4: 'colour' is not supported and has no effect\n");
    CHECK(!read_config(BASE "memory=1\nmemory=2\n") && dc.memory_mib == 2);
    CHECK_STR(warnings, "t:4: 'memory' was set before in line 3; this one counts\n");
    CHECK(!read_config(BASE "on_crash='coredump-restart'\n"));
    CHECK_STR(warnings, "t:3: core dumps are not supported; on_crash will restart without one\n");
    CHECK(!read_config(BASE "maxvcpus=3\n") && dc.vcpus == 3);
    CHECK(!read_config(BASE "maxmem=50\n") && dc.memory_mib == 50);
}

static void test_refusals(void)
{
    refused("kernel='x'", "the config has no name; add a line like: name = \"guest\"");
    refused("name='g'", "the config has no kernel; add a line like: kernel = \"/boot/vmlinuz\", or "
                        "bootloader = \"pygrub\" for that of the guest's own disk");
    refused("name='a/b'", "t:1: 'a/b' cannot be a guest's name: only letters, digits and "
                          "- _ . : + may stand in it");
    refused("name='42'", "t:1: '42' cannot be a guest's name: only digits: it could not be told "
                         "from a domain id");
    refused("name=['g']", "t:1: name takes one string, not a list");
    refused("name='g'\nkernel='/no/kernel'",
            "t:2: kernel '/no/kernel': No such file or directory; give the path of a file that "
            "can be read");
    refused(BASE "ramdisk='/no/disk'", "t:3: ramdisk '/no/disk': No such file or directory; give "
                                       "the path of a file that can be read");
    refused(BASE "memory='lots'", "t:3: memory = \"lots\" is not a size; " SIZE_LOOKS);
    refused(BASE "memory='1k'", "t:3: memory = 1k is out of range; it can be 1 to 16777216 MiB");
    refused(BASE "maxmem='99t'", "t:3: maxmem = 99t is out of range; it can be 1 to 16777216 MiB");
    refused(BASE "memory=0", "t:3: memory = 0 is out of range; it can be 1 to 16777216");
    refused(BASE "memory=-5", "t:3: memory = -5 is out of range; it can be 1 to 16777216");
    refused(BASE "memory=[1]", "t:3: memory takes a size, not a list");
    refused(BASE "vcpus=0", "t:3: vcpus = 0 is out of range; it can be 1 to 512");
    refused(BASE "memory=64\nmaxmem=32",
            "t:4: maxmem = 32 is below memory = 64; raise maxmem or lower memory");
    refused(BASE "vcpus=4\nmaxvcpus=2",
            "t:4: maxvcpus = 2 is below vcpus = 4; raise maxvcpus or lower vcpus");
    refused(BASE "type='hyper'", "t:3: type = \"hyper\" is not known; it can be pv, hvm or pvh");
    refused(BASE "builder='hvm'",
            "t:3: builder = \"hvm\" is not supported; leave it out, as type says what the guest "
            "is");
    refused(BASE "on_crash='explode'",
            "t:3: on_crash = \"explode\" is not known; it can be destroy, restart, "
            "rename-restart, preserve, coredump-destroy or coredump-restart");
    refused(BASE "uuid='123'", "t:3: '123' is not a uuid; it looks like "
                               "\"a2e1d0c3-7b54-4f6e-9d38-1c0b5a69e872\"");
    refused(BASE "cpus='5-2'",
            "t:3: cpus: '5-2' is not a set of processors; write it like 0-3,^2 or all");
    refused(BASE "cpus=['0','1']", "t:3: cpus has 2 entries for 1 vcpus");
    refused(BASE "cpus=[]", "t:3: cpus is an empty list; leave it out, or give one entry per vcpu");
}

/* There and back: the type that a saved config names. */
static enum builder_type saved_type(bool *shadow)
{
    struct json_object *js = lodge_domcfg_to_json(&dc);
    struct domcfg back;
    enum builder_type type = BUILDER_TYPES;

    CHECK(!lodge_domcfg_from_json(&back, js, err, sizeof(err)));
    type = back.type;
    *shadow = back.shadow;
    lodge_domcfg_free(&back);
    json_object_object_add(js, "type", json_object_new_string("vax"));
    CHECK(lodge_domcfg_from_json(&back, js, err, sizeof(err)) == -1);
    json_object_put(js);
    return type;
}

static void test_types(void)
{
    bool shadow;

    CHECK(!read_config(BASE) && dc.type == BUILDER_PV && saved_type(&shadow) == BUILDER_PV);
    CHECK(!read_config(BASE "type='PVH'\nvcpus=4") && dc.type == BUILDER_PVH && !dc.shadow);
    CHECK(saved_type(&shadow) == BUILDER_PVH && !shadow);
    CHECK(!read_config(BASE "type='hvm'\npaging='shadow'") && dc.type == BUILDER_HVM && dc.shadow);
    CHECK(saved_type(&shadow) == BUILDER_HVM && shadow);
    CHECK(!read_config(BASE "type='hvm'\npaging='nested'") && !dc.shadow);
    CHECK(saved_type(&shadow) == BUILDER_HVM && !shadow && !warnings[0]);
    refused(BASE "paging='nested'",
            "t:3: paging = \"nested\" is for guests of type \"hvm\"; a PV guest has page tables "
            "that the processor uses as they are");
    refused(BASE "type='hvm'\npaging='deep'",
            "t:4: paging = \"deep\" is not known; it can be nested or shadow");
    refused(BASE "type='pvh'\npaging='shadow'",
            "t:4: paging = \"shadow\" is for guests of type \"hvm\"; those of type \"pvh\" have "
            "nested paging");
    refused(BASE "type='hvm'\nvcpus=2",
            "t:4: a guest of type \"hvm\" has one vcpu; those of type \"pvh\" and \"pv\" can have "
            "more");
    refused(BASE "type='hvm'\nmaxvcpus=2\nvcpus=1",
            "t:5: a guest of type \"hvm\" has one vcpu; those of type \"pvh\" and \"pv\" can have "
            "more");
    refused(
        BASE "type='hvm'\nvif=['']",
        "t:4: a guest of type \"hvm\" has nothing paravirtual, so no vif; those of type \"pvh\" "
        "and \"pv\" can have it");
}

static void test_options(void)
{
    struct domcfg back;
    struct json_object *js;

    CHECK(!read_config(BASE "memory='1.5g'\nmaxmem='2048mb'\nvcpus=2\ncpus_soft=['0','1']\n"
                            "max_event_channels=64\nmax_grant_frames=8\nmax_maptrack_frames=0\n"
                            "localtime=1\nrtc_timeoffset=-30\ntsc_mode='always_emulate'\n"
                            "claim_mode=1\non_soft_reset='preserve'\n"));
    CHECK(!warnings[0] && dc.memory_mib == 1536 && dc.maxmem_mib == 2048);
    CHECK(dc.nr_soft == 2 && lodge_cpuset_has(&dc.soft[1], 1) && !lodge_cpuset_has(&dc.soft[1], 0));
    CHECK(dc.event_channels == 64 && dc.grant_frames == 8);
    CHECK(dc.has_maptrack && dc.maptrack_frames == 0 && dc.claim);
    CHECK(dc.localtime && dc.time_offset == -30);
    CHECK(dc.has_tsc_mode && dc.tsc_mode == CTL_TSC_ALWAYS_EMULATE);
    CHECK(dc.on[ON_SOFT_RESET] == ON_PRESERVE);
    js = lodge_domcfg_to_json(&dc);
    CHECK(!lodge_domcfg_from_json(&back, js, err, sizeof(err)));
    json_object_put(js);
    CHECK(back.nr_soft == 2 && !memcmp(back.soft, dc.soft, 2 * sizeof(*dc.soft)));
    CHECK(back.event_channels == 64 && back.grant_frames == 8 && back.claim && back.localtime);
    CHECK(back.has_maptrack && !back.maptrack_frames && back.time_offset == -30);
    CHECK(back.has_tsc_mode && back.tsc_mode == CTL_TSC_ALWAYS_EMULATE);
    CHECK(back.on[ON_SOFT_RESET] == ON_PRESERVE);
    lodge_domcfg_free(&back);

    CHECK(!read_config(BASE "tsc_mode=2\non_crash='preserve'\n") && dc.tsc_mode == CTL_TSC_NATIVE);
    CHECK(dc.on[ON_SOFT_RESET] == ON_PRESERVE); /* as after a crash */
    CHECK(!read_config(BASE "on_soft_reset='soft-reset'\ntsc_mode='native_paravirt'\n"));
    CHECK(dc.on[ON_SOFT_RESET] == ON_RESTART && dc.tsc_mode == CTL_TSC_NATIVE);
    CHECK_STR(warnings, "t:4: tsc_mode = \"native_paravirt\" is no more; the guest has native\n"
                        "t:3: a guest cannot be reset and keep its memory; it is restarted\n");
    CHECK(!read_config(BASE) && !dc.has_tsc_mode && !dc.has_maptrack && !dc.nr_soft);
    refused(BASE "tsc_mode='fast'", "t:3: tsc_mode = \"fast\" is not known; it can be default, "
                                    "always_emulate or native");
    refused(BASE "max_grant_frames=0", "t:3: max_grant_frames = 0 is out of range; it can be 1 to "
                                       "4096");
    refused(BASE "cpus_soft=['0','1']", "t:3: cpus_soft has 2 entries for 1 vcpus");
    refused(BASE "rtc_timeoffset='noon'", "t:3: rtc_timeoffset takes a number of seconds");
    refused(BASE "on_crash='soft-reset'",
            "t:3: on_crash = \"soft-reset\" is not known; it can be destroy, restart, "
            "rename-restart, preserve, coredump-destroy or coredump-restart");
    CHECK(!read_config(BASE "vif=['bridge=br0,colour=red']\n"));
    CHECK_STR(warnings, "t:3: vif: not supported and without effect: colour\n");
    CHECK(!read_config(BASE "disk=['test_domcfg.c,raw,xvda,ro,colour=red']\n"));
    CHECK_STR(warnings, "t:3: disk xvda: not supported and without effect: colour\n");
}

static void size_is(const char *text, uint64_t want)
{
    uint64_t kib = 0;
    bool good = lodge_size_parse(text, &kib);

    if (good != (want != 0) || (good && kib != want))
        fprintf(stderr, "'%s' is %d: %llu\n", text, good, (unsigned long long)kib);
    CHECK(good == (want != 0) && (!good || kib == want));
}

static void test_sizes(void)
{
    size_is("512", 512 << 10);
    size_is("512m", 512 << 10);
    size_is("512MB", 512 << 10);
    size_is("512MiB", 512 << 10);
    size_is("65536k", 65536);
    size_is("2g", 2 << 20);
    size_is("1.5G", 1536 << 10);
    size_is("0.5t", 512ull << 20);
    size_is("1T", 1 << 30);
    size_is("0.25", 256);
    size_is("1.1g", 1153433); /* 1.1 * 2^20, rounded down */
    size_is("0001", 1 << 10);
    size_is("4194305t", 0); /* more than 2^52 KiB: */
    size_is("4194303t", 4194303ull << 30);
    size_is("999999999999999t", 0);
    size_is("9999999999999999", 0);
    size_is("0", 0);
    size_is("0.1k", 0);
    size_is("", 0);
    size_is("m", 0);
    size_is(".5g", 0);
    size_is("1.g", 0);
    size_is("-1", 0);
    size_is("+1", 0);
    size_is("1 g", 0);
    size_is("1gg", 0);
    size_is("1gbit", 0);
    size_is("1b", 0);
    size_is("0x10", 0);
    size_is("1.0000000000000001g", 0);
    size_is("lots", 0);
}

#define DISK "disk=['test_domcfg.c,raw,xvda,ro']\n"

/* The guest's kernel is GRUB then; which file that is the test says. */
static void test_bootloader(void)
{
    struct domcfg back;
    struct json_object *js;

    setenv("LODGE_GRUB", "check.h", 1);
    for (const char *const *name = (const char *const[]){"pygrub", "/usr/bin/pygrub", "grub",
                                                         "/usr/lib/xen-4.17/bin/pygrub", NULL};
         *name; name++) {
        char text[200];

        snprintf(text, sizeof(text), "name='g'\nbootloader='%s'\n" DISK, *name);
        CHECK(!read_config(text) && !warnings[0]);
        CHECK_STR(dc.bootloader, *name);
        CHECK(strstr(dc.kernel, "/check.h") && dc.kernel[0] == '/');
        CHECK(!dc.ramdisk && !strcmp(dc.cmdline, ""));
    }
    js = lodge_domcfg_to_json(&dc);
    CHECK(!lodge_domcfg_from_json(&back, js, err, sizeof(err)) && !strcmp(back.kernel, dc.kernel));
    CHECK_STR(back.bootloader, "/usr/lib/xen-4.17/bin/pygrub");
    lodge_domcfg_free(&back);
    json_object_put(js);

    CHECK(!read_config(BASE DISK "bootloader='pygrub'\nextra='quiet'\nbootloader_args='-q'\n"));
    CHECK(strstr(dc.kernel, "/check.h") && !strcmp(dc.cmdline, ""));
    CHECK_STR(warnings, "t:2: bootloader is set, so kernel has no effect: the kernel is that of "
                        "the guest's disk\n"
                        "t:5: bootloader is set, so extra has no effect: the kernel's command "
                        "line is in the disk's grub.cfg\n"
                        "t:6: 'bootloader_args' is not supported and has no effect\n");
    CHECK(!read_config(BASE "bootloader=''\n") && !dc.bootloader && !warnings[0]);
    refused("name='g'\nbootloader='pygrub'\n",
            "t:2: the guest is to boot from its own disk, and has none; add a line like: disk = [ "
            "\"/srv/guest.img,raw,xvda,rw\" ]");
    refused("name='g'\nbootloader='/usr/bin/mine'\n" DISK,
            "t:2: bootloader = \"/usr/bin/mine\": no program of dom0 reads a guest's disk here; "
            "\"pygrub\" lets the guest boot from it by GRUB, and kernel= takes another loader's "
            "image");
    setenv("LODGE_GRUB", "/no/grub", 1);
    refused("name='g'\nbootloader='pygrub'\n" DISK,
            "t:2: bootloader = \"pygrub\": the guest would boot from its disk by GRUB, but "
            "/no/grub is missing; install Debian's package grub-xen-host");
    unsetenv("LODGE_GRUB");
}

static void set_is(const char *text, const char *want)
{
    struct cpuset set;
    char buf[200], why[200];

    CHECK(!lodge_cpuset_parse(&set, text, why, sizeof(why)));
    lodge_cpuset_format(&set, 8, buf, sizeof(buf));
    CHECK_STR(buf, want);
}

static void test_cpusets(void)
{
    struct cpuset set;
    char why[200];

    set_is("all", "all");
    set_is("0-7", "all");
    set_is("3", "3");
    set_is("0-3,^1", "0,2-3");
    set_is("0,2,4-6", "0,2,4-6");
    set_is("all,^0", "1-7");
    CHECK(lodge_cpuset_parse(&set, "0,^0", why, sizeof(why)) == -1);
    CHECK_STR(why, "'0,^0' leaves no processor");
    CHECK(lodge_cpuset_parse(&set, "", why, sizeof(why)) == -1);
    CHECK(lodge_cpuset_parse(&set, "1-", why, sizeof(why)) == -1);
    CHECK(lodge_cpuset_parse(&set, "99999", why, sizeof(why)) == -1);
    CHECK(lodge_cpuset_parse(&set, "1,,2", why, sizeof(why)) == -1);
    CHECK(lodge_cpuset_parse(&set, "allx", why, sizeof(why)) == -1);
    CHECK(!lodge_cpuset_parse(&set, "1023", why, sizeof(why)) && lodge_cpuset_has(&set, 1023));
    CHECK(!lodge_cpuset_has(&set, 1024) && !lodge_cpuset_has(&set, 0));
}

static void test_json(void)
{
    struct domcfg back;
    struct json_object *js, *pins;
    const char *first;
    char *copy;

    CHECK(!read_config(BASE "ramdisk='check.h'\nmemory=64\nmaxmem=128\nvcpus=1\nmaxvcpus=3\n"
                            "cpus=['0','1-2']\ncap=0\nextra='a \"quoted\" word'\n"
                            "uuid='a2e1d0c3-7b54-4f6e-9d38-1c0b5a69e872'\n"));
    CHECK(dc.nr_pin == 3 && lodge_cpuset_has(&dc.pin[2], 7));
    js = lodge_domcfg_to_json(&dc);
    first = json_object_to_json_string(js);
    copy = strdup(first);
    CHECK(!lodge_domcfg_from_json(&back, js, err, sizeof(err)));
    json_object_put(js);
    js = lodge_domcfg_to_json(&back);
    CHECK_STR(json_object_to_json_string(js), copy);
    free(copy);
    lodge_domcfg_free(&back);
    json_object_object_get_ex(js, "cpus", &pins);
    json_object_array_del_idx(pins, 2, 1); /* two for three vcpus */
    CHECK(lodge_domcfg_from_json(&back, js, err, sizeof(err)) == -1);
    CHECK_STR(err, "the saved config is damaged");
    json_object_array_del_idx(pins, 1, 1);
    CHECK(!lodge_domcfg_from_json(&back, js, err, sizeof(err)) && back.nr_pin == 1);
    json_object_object_del(js, "kernel");
    lodge_domcfg_free(&back);
    CHECK(lodge_domcfg_from_json(&back, js, err, sizeof(err)) == -1);
    CHECK_STR(err, "the saved config is damaged");
    json_object_object_add(js, "kernel", json_object_new_int(5));
    CHECK(lodge_domcfg_from_json(&back, js, err, sizeof(err)) == -1);
    json_object_put(js);
}

int main(void)
{
    test_defaults();
    test_meaning();
    test_refusals();
    test_types();
    test_options();
    test_sizes();
    test_bootloader();
    test_cpusets();
    test_json();
    lodge_domcfg_free(&dc);
    return check_end();
}
