// SPDX-License-Identifier: GPL-2.0-only
/*
 * disk_name.c: names of virtual disks, and the numbers that stand for them in xenstore.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "disk.h"

/*
 * A virtual disk's number is a Linux device number, major << 8 | minor, of the family that the name
 * belongs to: 202 xvd (16 minors for each disk), 8 sd (16), 3 and 22 hd (64). What does not fit
 * there has bit 28 set, then 20 bits of disk and 8 of partition. The front-end turns it back.
 */
#define EXTENDED 0x10000000u

static unsigned xvd_devid(unsigned disk, unsigned part)
{
    return disk < 16 && part < 16 ? 202u << 8 | disk << 4 | part : EXTENDED | disk << 8 | part;
}

/* Digits without a sign or leading zeros; false if there are none or too many. */
static bool take_digits(const char **p, unsigned most, unsigned *out)
{
    const char *start = *p;

    *out = 0;
    while (isdigit((unsigned char)**p) && *p - start < 8)
        *out = *out * 10 + (unsigned)(*(*p)++ - '0');
    return *p > start && *out <= most && (*start != '0' || *p == start + 1);
}

/* a is 0, z is 25, aa is 26. */
static bool take_letters(const char **p, unsigned *disk)
{
    const char *start = *p;
    unsigned n = 0;

    while (**p >= 'a' && **p <= 'z' && *p - start < 4)
        n = n * 26 + (unsigned)(*(*p)++ - 'a') + 1;
    *disk = n - 1;
    return *p > start && *p - start < 4;
}

static bool lettered_devid(const char *vdev, unsigned *devid)
{
    bool xvd = !strncmp(vdev, "xvd", 3), hd = !strncmp(vdev, "hd", 2);
    const char *p = vdev + (xvd ? 3 : 2);
    unsigned disk, part = 0;

    if (!xvd && !hd && strncmp(vdev, "sd", 2))
        return false;
    if (!take_letters(&p, &disk) || (*p && (!take_digits(&p, 255, &part) || !part || *p)))
        return false;
    if (xvd)
        *devid = xvd_devid(disk, part);
    else if (hd && disk < 4 && part < 64)
        *devid = (disk < 2 ? 3u : 22u) << 8 | (disk & 1) << 6 | part;
    else if (!hd && disk < 16 && part < 16)
        *devid = 8u << 8 | disk << 4 | part;
    else
        return false;
    return true;
}

bool lodge_disk_devid(const char *vdev, unsigned *devid)
{
    const char *p = vdev;
    unsigned disk, part = 0;
    unsigned long number;
    char *end;

    if (isdigit((unsigned char)*vdev)) {
        errno = 0;
        number = strtoul(vdev, &end, 0);
        *devid = (unsigned)number;
        return !*end && !errno && number && number < 2 * EXTENDED;
    }
    if (*p == 'd' && isdigit((unsigned char)p[1])) {
        p++;
        if (!take_digits(&p, (1u << 20) - 1, &disk))
            return false;
        if (*p == 'p' && (p++, !take_digits(&p, 255, &part)))
            return false;
        *devid = xvd_devid(disk, part);
        return !*p;
    }
    return lettered_devid(vdev, devid);
}

void lodge_disk_vdev(unsigned devid, char *buf, size_t len)
{
    unsigned major = devid >> 8, disk, part;
    const char *family = "xvd";
    char letters[8];
    int at = sizeof(letters) - 1;

    if (devid >= EXTENDED && devid < 2 * EXTENDED) {
        disk = devid >> 8 & 0xfffff;
        part = devid & 255;
    } else if (major == 202 || major == 8) {
        family = major == 8 ? "sd" : "xvd";
        disk = devid >> 4 & 15;
        part = devid & 15;
    } else if ((major == 3 || major == 22) && (devid >> 6 & 3) < 2) {
        family = "hd";
        disk = (devid >> 6 & 1) + (major == 22 ? 2 : 0);
        part = devid & 63;
    } else {
        snprintf(buf, len, "?");
        return;
    }
    letters[at] = '\0';
    for (disk++; disk && at; disk /= 26)
        letters[--at] = (char)('a' + --disk % 26);
    if (part)
        snprintf(buf, len, "%s%s%u", family, letters + at, part);
    else
        snprintf(buf, len, "%s%s", family, letters + at);
}
