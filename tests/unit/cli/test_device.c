// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_device.c: disk= and vif= as xl writes them, and every way to get them wrong; names and
 * numbers of disks; rates; addresses that stay the same.
 */
#include "check.h"

#include <stdlib.h>
#include <liblodge/domcfg.h>

static struct disk d;
static struct vif v;
static char err[640];

static bool disk(const char *text)
{
    lodge_disk_free(&d);
    return !lodge_disk_parse(&d, text, err, sizeof(err));
}

static bool vif(const char *text)
{
    lodge_vif_free(&v);
    return !lodge_vif_parse(&v, text, err, sizeof(err));
}

/* Refused, with a message that has these words in it. */
static bool disk_refused(const char *text, const char *words)
{
    if (disk(text)) {
        fprintf(stderr, "'%s' was taken\n", text);
        return false;
    }
    if (!strstr(err, words))
        fprintf(stderr, "'%s': %s\n", text, err);
    return strstr(err, words) && strstr(err, "disk '") == err;
}

static bool vif_refused(const char *text, const char *words)
{
    if (vif(text)) {
        fprintf(stderr, "'%s' was taken\n", text);
        return false;
    }
    if (!strstr(err, words))
        fprintf(stderr, "'%s': %s\n", text, err);
    return strstr(err, words) && strstr(err, "vif '") == err;
}

/* --- numbers ------------------------------------------------------------------------------------
 */

static void is_number(const char *vdev, unsigned want)
{
    unsigned devid = 0;
    char name[32];

    CHECK(lodge_disk_devid(vdev, &devid) && devid == want);
    lodge_disk_vdev(want, name, sizeof(name));
    CHECK_STR(name, vdev);
}

static void no_number(const char *vdev)
{
    unsigned devid;

    if (lodge_disk_devid(vdev, &devid))
        fprintf(stderr, "%s is %u\n", vdev, devid);
    CHECK(!lodge_disk_devid(vdev, &devid));
}

static void test_numbers(void)
{
    unsigned devid;

    is_number("xvda", 51712);
    is_number("xvda1", 51713);
    is_number("xvda15", 51727);
    is_number("xvda16", 1u << 28 | 16);
    is_number("xvdb", 51728);
    is_number("xvdp", 51952);
    is_number("xvdp15", 51967);
    is_number("xvdq", 1u << 28 | 16 << 8);
    is_number("xvdz255", 1u << 28 | 25 << 8 | 255);
    is_number("xvdaa", 1u << 28 | 26 << 8);
    is_number("xvdtq37", 1u << 28 | 536 << 8 | 37);
    is_number("xvdzz", 1u << 28 | 701 << 8);
    is_number("xvdaaa", 1u << 28 | 702 << 8);
    is_number("hda", 768);
    is_number("hdb1", 833);
    is_number("hdc", 5632);
    is_number("hdd63", 5632 + 64 + 63);
    is_number("sda", 2048);
    is_number("sdb3", 2048 + 16 + 3);
    is_number("sdp15", 2048 + 255);
    CHECK(lodge_disk_devid("d0p0", &devid) && devid == 51712);
    CHECK(lodge_disk_devid("d536p37", &devid) && devid == (1u << 28 | 536 << 8 | 37));
    CHECK(lodge_disk_devid("0xca00", &devid) && devid == 51712);
    CHECK(lodge_disk_devid("51712", &devid) && devid == 51712);
    no_number("");
    no_number("xvd");
    no_number("xvda256");
    no_number("xvda0");
    no_number("xvda01");
    no_number("xvda1x");
    no_number("xvdaaaa");
    no_number("hde");
    no_number("hda64");
    no_number("sdq");
    no_number("sda16");
    no_number("vda");
    no_number("d1p256");
    no_number("d1048576");
    no_number("d1p");
    no_number("0");
    no_number("0x20000000");
    no_number("99999999999999999999999");
    no_number("51712x");
    no_number("XVDA");
}

/* --- disks --------------------------------------------------------------------------------------
 */

static void same_disk(const char *text)
{
    CHECK(disk(text));
    CHECK_STR(d.target, "/dev/vg/guest-volume");
    CHECK_STR(d.vdev, "hda");
    CHECK(d.format == DISK_RAW && !d.readonly && !d.cdrom && d.base.devid == 768);
    CHECK(d.base.type == BACKEND_LODGE && d.discard && !d.direct_io_safe && !d.base.backend);
}

static void same_cd(const char *text)
{
    CHECK(disk(text));
    CHECK_STR(d.target, "/root/image.iso");
    CHECK(d.base.devid == 5632 && d.readonly && d.cdrom && d.format == DISK_RAW);
}

static void test_disks(void)
{
    same_disk("/dev/vg/guest-volume,,hda");
    same_disk("/dev/vg/guest-volume,raw,hda,rw");
    same_disk("format=raw, vdev=hda, access=rw, target=/dev/vg/guest-volume");
    same_disk("raw:/dev/vg/guest-volume,hda,w");
    same_disk("phy:/dev/vg/guest-volume,hda,w");
    same_disk("tap:aio:/dev/vg/guest-volume,hda,w");
    same_disk("vdev=HDA,/dev/vg/guest-volume");
    same_disk("vdev = hda ,access= w, target=/dev/vg/guest-volume");
    same_disk(" /dev/vg/guest-volume , raw , hda , ");
    same_cd("/root/image.iso,,hdc,cdrom");
    same_cd("/root/image.iso,,hdc,,cdrom");
    same_cd("/root/image.iso,raw,hdc,devtype=cdrom");
    same_cd("format=raw, vdev=hdc, access=ro, devtype=cdrom, target=/root/image.iso");
    same_cd("raw:/root/image.iso,hdc:cdrom,ro");
    same_cd("file:/root/image.iso,hdc:cdrom,r");

    CHECK(disk("vdev=xvdb,format=qcow2,target=/a b/c,d=e, f "));
    CHECK_STR(d.target, "/a b/c,d=e, f ");
    CHECK(d.format == DISK_QCOW2);
    CHECK(disk(",,xvda,rw,target=/x,y") && !strcmp(d.target, "/x,y"));
    CHECK(disk("/i,qcow2,xvda,backendtype=qdisk,no-discard,direct-io-safe"));
    CHECK(!d.discard && d.direct_io_safe && d.base.type == BACKEND_LODGE);
    CHECK(disk("/i,,xvda,backendtype=phy,backend=storage"));
    CHECK(d.base.type == BACKEND_KERNEL && !strcmp(d.base.backend, "storage"));
    CHECK(disk("/i,,xvda,w!") && d.shared && !d.readonly);
    CHECK(disk("/i,qcow2,xvda,backing=/b,rw,backing=/c") && d.nr_backing == 2 && !d.readonly);
    CHECK(!strcmp(d.backing[0], "/b") && !strcmp(d.backing[1], "/c"));
    CHECK(disk("/i,,xvda,discard") && d.discard && !d.base.ignored);
    /* What xl knows and this does not, or nobody: it has no effect, and is named. */
    CHECK(disk("/i,raw,xvda,colour=red,access=ro,trusted=1") && d.readonly);
    CHECK_STR(d.base.ignored, "colour, trusted");
}

static void test_bad_disks(void)
{
    char text[1200];

    CHECK(disk_refused("", "there is no vdev"));
    CHECK(disk_refused("/i", "there is no vdev, the disk's name in the guest; add vdev=xvda"));
    CHECK(disk_refused("/i,raw", "there is no vdev"));
    CHECK(disk_refused("vdev=xvda", "there is no target"));
    CHECK(disk_refused(",hdc:cdrom,r", "an empty CD drive is not supported"));
    CHECK(disk_refused("/i,raw,xvda,q", "access 'q' is not known; it can be rw, w, ro, r or w!"));
    CHECK(disk_refused("/i,vhd,xvda", "format vhd is not supported; `qemu-img convert"));
    CHECK(disk_refused("/i,vmdk,xvda", "format 'vmdk' is not known; it can be raw or qcow2"));
    CHECK(disk_refused("/i,raw,vda", "vdev 'vda' is no virtual disk"));
    CHECK(disk_refused("/i,raw,hdc:floppy", "'floppy' behind vdev is not known"));
    CHECK(disk_refused("/i,raw,xvdaxvdaxvdaxvda1", "is no virtual disk"));
    CHECK(disk_refused("/i,raw,xvda,rw,xvdb", "'xvdb' is one parameter too many; vdev is given"));
    CHECK(disk_refused("/i,raw,xvda,rw,more", "'more' is one parameter too many"));
    CHECK(disk_refused("/i,raw,xvda,vdev=xvdb", "vdev is given twice"));
    CHECK(disk_refused("/i,raw,xvda,target=/j", "target is given twice"));
    CHECK(disk_refused("/i,raw,xvda,discard,no-discard", "discard is given twice"));
    CHECK(disk_refused("/i,raw,xvda,backendtype=tape", "backendtype 'tape' is not known; it can"));
    CHECK(
        disk_refused("/i,qcow2,xvda,backendtype=phy", "serves raw images and block devices only"));
    CHECK(disk_refused("/i,raw,xvda,devtype=tape", "devtype 'tape' is not known"));
    CHECK(disk_refused("/i,raw,hdc,rw,cdrom", "a CD cannot be written to"));
    CHECK(disk_refused("x,,xvda,script=s", "script is not supported for disks"));
    CHECK(disk_refused("/i,,xvda,backing=/b", "only a qcow2 image can have a backing file"));
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    memcpy(text, "vdev=xvda,target=", 17);
    CHECK(disk_refused(text, "the target is longer than 1023 bytes"));
}

static void test_targets(void)
{
    CHECK(disk("vdev=xvda,target=test_device.c") && !lodge_disk_resolve(&d, err, sizeof(err)));
    CHECK(d.target[0] == '/' && strstr(d.target, "/test_device.c") && !d.block_device);
    CHECK(disk("/nowhere/at/all.img,,xvdb") && lodge_disk_resolve(&d, err, sizeof(err)));
    CHECK_STR(err, "disk xvdb: target '/nowhere/at/all.img': there is no such file; make one with: "
                   "truncate -s 4G FILE");
    CHECK(disk("/tmp,,xvda") && lodge_disk_resolve(&d, err, sizeof(err)));
    CHECK(strstr(err, "this is neither a file nor a block device"));
    CHECK(disk("null,,xvda") && lodge_disk_resolve(&d, err, sizeof(err)));
    CHECK(strstr(err, "'/dev/null': this is neither"));
    CHECK(disk("configs/plain.cfg,,xvda") && lodge_disk_resolve(&d, err, sizeof(err)));
    CHECK(strstr(err, "smaller than one sector"));
    CHECK(disk("/far/away.img,,xvda,backend=storage") && !lodge_disk_resolve(&d, err, sizeof(err)));
    CHECK_STR(d.target, "/far/away.img");
    CHECK(disk("test_device.c,qcow2,xvda,backing=fake_store.c") &&
          !lodge_disk_resolve(&d, err, sizeof(err)) && d.backing[0][0] == '/');
    CHECK(disk("test_device.c,qcow2,xvda,backing=/none") &&
          lodge_disk_resolve(&d, err, sizeof(err)));
    CHECK_STR(err, "disk xvda: backing file '/none': No such file or directory");
    CHECK(disk("test_device.c,qcow2,xvda,backing=/dev/null") &&
          lodge_disk_resolve(&d, err, sizeof(err)));
}

/* --- interfaces ---------------------------------------------------------------------------------
 */

static void test_rates(void)
{
    uint64_t bytes;
    uint32_t usec;

    CHECK(lodge_vif_rate_parse("10Mb/s", &bytes, &usec) && bytes == 62500 && usec == 50000);
    CHECK(lodge_vif_rate_parse("250KB/s", &bytes, &usec) && bytes == 12500);
    CHECK(lodge_vif_rate_parse("1MB/s@20ms", &bytes, &usec) && bytes == 20000 && usec == 20000);
    CHECK(lodge_vif_rate_parse("1gb/s@1s", &bytes, &usec) && bytes == 125000000 && usec == 1000000);
    CHECK(lodge_vif_rate_parse("2000B/s@500us", &bytes, &usec) && bytes == 1 && usec == 500);
    CHECK(lodge_vif_rate_parse("2000B/s@500", &bytes, &usec) && usec == 500);
    CHECK(!lodge_vif_rate_parse("", &bytes, &usec) && !lodge_vif_rate_parse("10", &bytes, &usec));
    CHECK(!lodge_vif_rate_parse("10Mb", &bytes, &usec) &&
          !lodge_vif_rate_parse("0Mb/s", &bytes, &usec));
    CHECK(!lodge_vif_rate_parse("-1Mb/s", &bytes, &usec) &&
          !lodge_vif_rate_parse("1Tb/s", &bytes, &usec));
    CHECK(!lodge_vif_rate_parse("1Mb/s@", &bytes, &usec) &&
          !lodge_vif_rate_parse("1Mb/s@0s", &bytes, &usec));
    CHECK(!lodge_vif_rate_parse("1Mb/s@1h", &bytes, &usec) &&
          !lodge_vif_rate_parse("1Mb/sx", &bytes, &usec));
    CHECK(!lodge_vif_rate_parse("1B/s", &bytes, &usec)); /* nothing in 50 ms */
    CHECK(!lodge_vif_rate_parse("99999999999999999999B/s", &bytes, &usec));
    CHECK(!lodge_vif_rate_parse("4000000000GB/s@4000s", &bytes, &usec));
}

static void test_vifs(void)
{
    char mac[18];

    CHECK(vif("") && !v.has_mac && v.filter && v.mode == VIF_AUTO && v.base.devid == VIF_NO_DEVID);
    CHECK(v.base.type == BACKEND_KERNEL);
    CHECK(vif("queues=2") && v.base.type == BACKEND_LODGE);
    CHECK(vif("backendtype=lodge") && v.base.type == BACKEND_LODGE);
    CHECK(vif(" mac=00:16:3E:74:3d:76 , model=rtl8139, bridge=xenbr0,type=ioemu,"));
    lodge_vif_mac_format(v.mac, mac);
    CHECK_STR(mac, "00:16:3e:74:3d:76");
    CHECK(!strcmp(v.base.ignored, "model") && !strcmp(v.bridge, "xenbr0"));
    CHECK(vif("trusted=1,bridge=br0,accel=off") && !strcmp(v.base.ignored, "trusted, accel"));
    CHECK_STR(v.bridge, "br0");
    CHECK(vif("bridge=br0") && !v.base.ignored);
    CHECK(vif("ip=10.0.0.5 10.1.0.0/24  fd00::5,mode=route,gatewaydev=eth0,rate=10Mb/s,mtu=9000,"
              "queues=4,filter=off,vifname=web0,backendtype=lodge,backend=net,devid=3"));
    CHECK_STR(v.ip, "10.0.0.5 10.1.0.0/24 fd00::5");
    CHECK(v.mode == VIF_ROUTE && v.rate_bytes == 62500 && v.mtu == 9000 && v.queues == 4);
    CHECK(!v.filter && v.base.type == BACKEND_LODGE && v.base.devid == 3 &&
          !strcmp(v.base.backend, "net"));
    CHECK(vif("script=vif-nat") && v.mode == VIF_NAT && !v.script);
    CHECK(vif("script=/etc/xen/scripts/vif-bridge") && v.mode == VIF_BRIDGE && !v.script);
    CHECK(vif("script=my-own") && !strcmp(v.script, "/etc/xen/scripts/my-own"));
    CHECK(vif("netdev=eth1,mode=route,ip=1.2.3.4") && !strcmp(v.gatewaydev, "eth1"));

    CHECK(vif_refused("mac=00:16:3e:74:3d", "mac '00:16:3e:74:3d' is not an address"));
    CHECK(vif_refused("mac=00:16:3e:74:3d:7g", "is not an address"));
    CHECK(vif_refused("mac=00:16:3e:74:3d:76:00", "is not an address"));
    CHECK(vif_refused("mac=01:16:3e:74:3d:76", "is a group address"));
    CHECK(vif_refused("mac=00:00:00:00:00:00", "is not an interface's address"));
    CHECK(vif_refused("rate=fast", "rate 'fast' is not a rate, or out of range; it looks like"));
    CHECK(vif_refused("mode=token-ring", "mode 'token-ring' is not known; it can be bridge, nat"));
    CHECK(vif_refused("bridge=a/b", "bridge 'a/b' cannot be an interface's name"));
    CHECK(vif_refused("bridge=averylongbridgename", "cannot be an interface's name"));
    CHECK(vif_refused("ip=10.0.0.256,mode=nat", "ip '10.0.0.256' is not an address"));
    CHECK(vif_refused("ip=10.0.0.1/33", "is not an address"));
    CHECK(vif_refused("mtu=67", "mtu '67' is not a number from 68 to 65535"));
    CHECK(vif_refused("queues=17", "queues '17' is not a number from 1 to 16"));
    CHECK(vif_refused("queues=x", "queues 'x' is not a number"));
    CHECK(vif_refused("queues=2,backendtype=kernel", "as many queues as dom0 has processors"));
    CHECK(vif_refused("filter=maybe", "filter 'maybe' is not known; it can be on or off"));
    CHECK(vif_refused("backendtype=qdisk", "backendtype 'qdisk' is not known; it can be lodge or"));
    CHECK(vif_refused("bridge=br0,mode=route,ip=1.2.3.4", "mode=route has no bridge"));
    CHECK(vif_refused("gatewaydev=eth0", "gatewaydev has a meaning for mode=route only"));
    CHECK(vif_refused("mode=route", "mode=route needs ip"));
    CHECK(vif_refused("bridge=a,bridge=b", "bridge is given twice"));
    CHECK(vif_refused("netdev=a,gatewaydev=b", "is given twice"));
    CHECK(vif_refused("br0", "'br0' is not of the form key=value"));
    CHECK(vif_refused("type=disk", "type 'disk' is not known"));
}

/* --- a config's lists ---------------------------------------------------------------------------
 */

static bool add_disk(struct domcfg *dc, const char *text)
{
    struct disk one;

    if (lodge_disk_parse(&one, text, err, sizeof(err)))
        return false;
    if (!lodge_domcfg_add(dc, DEVICE_DISK, &one.base, err, sizeof(err)))
        return true;
    lodge_disk_free(&one);
    return false;
}

static bool add_vif(struct domcfg *dc, const char *text)
{
    struct vif one;

    if (lodge_vif_parse(&one, text, err, sizeof(err)))
        return false;
    if (!lodge_domcfg_add(dc, DEVICE_VIF, &one.base, err, sizeof(err)))
        return true;
    lodge_vif_free(&one);
    return false;
}

static void test_lists(void)
{
    struct domcfg dc = {.name = "web"};

    CHECK(add_disk(&dc, "/i,,xvda") && add_disk(&dc, "/j,,xvdb,ro") && add_disk(&dc, "/j,,xvdc,r"));
    CHECK(!add_disk(&dc, "/k,,xvda"));
    CHECK_STR(err, "disk xvda: the guest has a disk of this vdev already ('/i')");
    CHECK(!add_disk(&dc, "/k,,d0p0"));
    CHECK(!add_disk(&dc, "/i,,xvdd,ro") && strstr(err, "'/i' is the guest's xvda already"));
    CHECK(add_disk(&dc, "/s,,xvde,w!") && add_disk(&dc, "/s,,xvdf,w!"));
    CHECK(lodge_domcfg_drop(&dc, DEVICE_DISK, 51712) &&
          !lodge_domcfg_drop(&dc, DEVICE_DISK, 51712) && dc.devices[DEVICE_DISK].nr == 4);
    CHECK(add_disk(&dc, "/i,,xvda"));

    CHECK(add_vif(&dc, "") && add_vif(&dc, "devid=2") && add_vif(&dc, ""));
    CHECK(lodge_domcfg_vif(&dc, 0)->base.devid == 0 && lodge_domcfg_vif(&dc, 1)->base.devid == 2 &&
          lodge_domcfg_vif(&dc, 2)->base.devid == 1);
    CHECK(memcmp(lodge_domcfg_vif(&dc, 0)->mac, lodge_domcfg_vif(&dc, 2)->mac, 6) &&
          !memcmp(lodge_domcfg_vif(&dc, 0)->mac, "\x00\x16\x3e", 3));
    CHECK(!add_vif(&dc, "devid=2") && strstr(err, "an interface of index 2 already"));
    CHECK(add_vif(&dc, "mac=00:16:3e:01:02:03") && lodge_domcfg_vif(&dc, 3)->base.devid == 3);
    CHECK(!add_vif(&dc, "mac=00:16:3e:01:02:03"));
    CHECK_STR(err, "vif: mac 00:16:3e:01:02:03 is that of the guest's interface 3 already");
    CHECK(lodge_domcfg_drop(&dc, DEVICE_VIF, 0) && add_vif(&dc, "") &&
          lodge_domcfg_vif(&dc, 3)->base.devid == 0);
    lodge_domcfg_devices_free(&dc);
}

/* An address follows from the name, or from a uuid that the config gives, and from nothing else. */
static void test_stable_addresses(void)
{
    struct domcfg one = {.name = "web"}, two = {.name = "web", .memory_mib = 5}, three = {0};

    CHECK(add_vif(&one, "") && add_vif(&two, "bridge=x"));
    CHECK(!memcmp(lodge_domcfg_vif(&one, 0)->mac, lodge_domcfg_vif(&two, 0)->mac, 6));
    two.name = "db";
    lodge_domcfg_drop(&two, DEVICE_VIF, 0);
    CHECK(add_vif(&two, "") &&
          memcmp(lodge_domcfg_vif(&one, 0)->mac, lodge_domcfg_vif(&two, 0)->mac, 6));
    three.name = "other";
    three.fixed_uuid = two.fixed_uuid = true;
    three.uuid[0] = two.uuid[0] = 7;
    lodge_domcfg_drop(&two, DEVICE_VIF, 0);
    CHECK(add_vif(&two, "") && add_vif(&three, ""));
    CHECK(!memcmp(lodge_domcfg_vif(&three, 0)->mac, lodge_domcfg_vif(&two, 0)->mac, 6));
    CHECK(!(lodge_domcfg_vif(&three, 0)->mac[3] & 0x80));
    /* What a release once gave must stay: guests keep their leases and licences by it. */
    CHECK(!memcmp(lodge_domcfg_vif(&one, 0)->mac, "\x00\x16\x3e\x20\x86\xd8", 6));
    lodge_domcfg_devices_free(&one);
    lodge_domcfg_devices_free(&two);
    lodge_domcfg_devices_free(&three);
}

/* What the host has is not a guest's, whatever a config names. */
static void test_vif_names(void)
{
    struct domcfg dc = {.name = (char *)"guest"};
    char err[640];

    CHECK(vif("vifname=lo") && lodge_vif_resolve(&v, err, sizeof(err)));
    CHECK(strstr(err, "this host has an interface lo already"));
    CHECK(vif("vifname=lo,backend=net") && !lodge_vif_resolve(&v, err, sizeof(err)));
    CHECK(vif("vifname=no-such-thing0") && !lodge_vif_resolve(&v, err, sizeof(err)));
    CHECK(!lodge_domcfg_add(&dc, DEVICE_VIF, &v.base, err, sizeof(err)));
    memset(&v, 0, sizeof(v));
    CHECK(vif("vifname=no-such-thing0") &&
          lodge_domcfg_add(&dc, DEVICE_VIF, &v.base, err, sizeof(err)));
    CHECK_STR(err, "vif: vifname no-such-thing0 is that of the guest's interface 0 already");
    lodge_domcfg_devices_free(&dc);
}

static void test_json(void)
{
    static const char *const texts[] = {"/i,qcow2,xvda,ro,backendtype=lodge,no-discard",
                                        "/i,,sdb3,w!,direct-io-safe",
                                        "/i,qcow2,xvda,backing=/b,backing=/c",
                                        "x,,xvdzz,backendtype=phy,backend=net", "/i,,hdc,cdrom"};
    static const char *const vifs[] = {
        "", "mac=00:16:3e:01:02:03,mode=nat,mtu=1400,queues=2,filter=0",
        "mode=route,ip=10.0.0.1 fd00::1,gatewaydev=e0,rate=1MB/s@20ms,vifname=w,script=s,devid=9"};
    struct json_object *js, *again;
    struct disk back;
    struct vif vback;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        CHECK(disk(texts[i]));
        js = lodge_disk_to_json(&d);
        CHECK(!lodge_disk_from_json(&back, js));
        again = lodge_disk_to_json(&back);
        CHECK_STR(json_object_to_json_string(again), json_object_to_json_string(js));
        lodge_disk_free(&back);
        json_object_put(js);
        json_object_put(again);
    }
    for (size_t i = 0; i < sizeof(vifs) / sizeof(vifs[0]); i++) {
        CHECK(vif(vifs[i]));
        js = lodge_vif_to_json(&v);
        CHECK(!lodge_vif_from_json(&vback, js));
        again = lodge_vif_to_json(&vback);
        CHECK_STR(json_object_to_json_string(again), json_object_to_json_string(js));
        lodge_vif_free(&vback);
        json_object_put(js);
        json_object_put(again);
    }
    js = json_object_new_object();
    CHECK(lodge_disk_from_json(&back, js) == -1 && lodge_vif_from_json(&vback, js) == -1);
    CHECK(lodge_disk_from_json(&back, NULL) == -1 && lodge_vif_from_json(&vback, NULL) == -1);
    json_object_put(js);
}

static void test_classes(void)
{
    for (unsigned i = 0; i < DEVICE_KINDS; i++) {
        const struct device_class *class = lodge_device_class[i];
        unsigned nr = 0;

        CHECK(lodge_device_kind(class->node) == i);
        CHECK(class->key && class->list && class->what && class->module && class->number);
        CHECK(class->parse && class->release && class->resolve && class->fit && class->write);
        CHECK(class->to_json && class->from_json && class->read && class->keys);
        CHECK(class->size >= sizeof(struct device_base));
        while (class->keys[nr])
            nr++;
        CHECK(nr < DEVICE_MAX_KEYS);
    }
    CHECK(lodge_device_kind("9pfs") == DEVICE_ANY && lodge_device_kind("") == DEVICE_ANY);
}

int main(void)
{
    test_classes();
    test_numbers();
    test_disks();
    test_bad_disks();
    test_targets();
    test_rates();
    test_vifs();
    test_lists();
    test_stable_addresses();
    test_vif_names();
    test_json();
    lodge_disk_free(&d);
    lodge_vif_free(&v);
    return check_end();
}
