// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_confine.c: a confined program tries what it must not be able to do. The program is perl,
 * which every Debian has and which can make any system call by its number.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <nbd/confine.h>
#include "check.h"

/* Not there at all, whatever the arguments. */
static const struct {
    const char *name;
    int nr;
} forbidden[] = {
    {"socket", SYS_socket},
    {"connect", SYS_connect},
    {"bind", SYS_bind},
    {"kill", SYS_kill},
    {"ptrace", SYS_ptrace},
    {"process_vm_readv", SYS_process_vm_readv},
    {"pidfd_open", SYS_pidfd_open},
    {"mount", SYS_mount},
    {"chroot", SYS_chroot},
    {"unshare", SYS_unshare},
    {"setns", SYS_setns},
    {"setuid", SYS_setuid},
    {"setgroups", SYS_setgroups},
    {"capset", SYS_capset},
    {"keyctl", SYS_keyctl},
    {"add_key", SYS_add_key},
    {"bpf", SYS_bpf},
    {"perf_event_open", SYS_perf_event_open},
    {"userfaultfd", SYS_userfaultfd},
    {"io_uring_setup", SYS_io_uring_setup},
    {"init_module", SYS_init_module},
    {"finit_module", SYS_finit_module},
    {"kexec_load", SYS_kexec_load},
    {"reboot", SYS_reboot},
    {"swapon", SYS_swapon},
    {"open_by_handle_at", SYS_open_by_handle_at},
    {"openat2", SYS_openat2},
    {"fork", SYS_fork},
    {"vfork", SYS_vfork},
    {"clone of a process", SYS_clone},
    {"clone3", SYS_clone3},
    {"execveat", SYS_execveat},
    {"unlink", SYS_unlink},
    {"rename", SYS_rename},
    {"mknod", SYS_mknod},
    {"chmod", SYS_chmod},
};

#define TEST_UID  0x70020001U
#define FORBIDDEN (sizeof(forbidden) / sizeof(forbidden[0]))

/* One word per answer, in this order. */
static const char script[] =
    "$| = 1; sub say { print join(' ', @_), \"\\n\" }"
    "for (@ARGV) { $! = 0; my $rc = syscall(0 + $_, 0, 0, 0, 0, 0); say(\"call\", $_, $rc, $! + 0) "
    "}"
    "my @paths = ('/etc/passwd', '/proc/self/status', '/dev/mem', '/image/1', '/usr/bin/perl');"
    "for (@paths) { $! = 0; my $ok = open(my $f, '<', $_); say(\"open\", $ok ? (1, 0) : (0, $! + "
    "0)) }"
    "$! = 0; say(\"write\", open(my $u, '>', '/usr/made') ? 1 : 0, $! + 0);"
    "$! = 0; say(\"make\", open(my $r, '>', '/made') ? 1 : 0, $! + 0);"
    "open(my $image, '<', '/image/0'); say(\"image\", scalar(<$image>) || \"none\");"
    "$! = 0; exec {'/usr/bin/true'} 'true'; say(\"exec\", 0, $! + 0);"
    /* fallocate: 1 keeps the size, 3 makes a hole, 16 zeroes; and the same by ioctl, as in
       linux/falloc.h: whence, start, length. */
    "open(my $w, '+<', '/image/2') or say(\"none\"); my $n = fileno($w);"
    "for ([1, 64 << 20], [17, 64 << 20], [0, 64 << 20], [0, 8192], [16, 8192], [3, 4096]) "
    "{ $! = 0; my $rc = syscall(285, $n, $_->[0], 0, $_->[1]); say(\"room\", @$_, $rc, $! + 0) }"
    "for (0x40305828, 0x4030582a) { $! = 0; my $area = pack('ssx4qqlLx16', 0, 0, 64 << 20, 0, 0);"
    "my $rc = ioctl($w, $_, $area); say(\"ioctl\", $rc ? 1 : 0, $! + 0) }"
    "say(\"who\", $<, $>, $$);";

static int image = -1, room = -1; /* the second in a file system that knows all of fallocate() */

static int give_image(void *arg, const char *path, int flags)
{
    char link[64];

    (void)arg;
    (void)flags;
    if (!strcmp(path, "/dev/null")) /* which perl wants for its script */
        return open(path, O_RDONLY | O_CLOEXEC);
    if (strncmp(path, "/image/", 7) != 0)
        return CONFINE_NOT_OURS;
    errno = EACCES;
    if (strcmp(path, "/image/0") != 0 && strcmp(path, "/image/2") != 0)
        return -1;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", path[7] == '0' ? image : room);
    return open(link, (path[7] == '0' ? O_RDONLY : O_RDWR) | O_CLOEXEC);
}

/* Serves it to its end; what it printed. */
static char *listen_to(struct confined *c)
{
    static char text[8192];
    size_t length = 0;
    struct pollfd wait[] = {{.fd = c->output, .events = POLLIN},
                            {.fd = c->notify, .events = POLLIN}};

    while (poll(wait, 2, 20000) > 0 && length < sizeof(text) - 1) {
        if ((wait[1].revents & POLLIN) && confine_answer(c, give_image, NULL))
            wait[1].fd = -1;
        else if (wait[1].revents & (POLLHUP | POLLERR))
            wait[1].fd = -1;
        if (wait[0].revents) {
            ssize_t n = read(c->output, text + length, sizeof(text) - 1 - length);

            if (n <= 0)
                break;
            length += (size_t)n;
        }
    }
    text[length] = '\0';
    return text;
}

static void check_answers(const char *text)
{
    char want[160];

    for (size_t i = 0; i < FORBIDDEN; i++) {
        snprintf(want, sizeof(want), "call %d -1 %d\n", forbidden[i].nr, ENOSYS);
        if (!strstr(text, want))
            printf("%s is not forbidden\n", forbidden[i].name);
        CHECK(strstr(text, want));
    }
    snprintf(want, sizeof(want), "open 0 %d\nopen 0 %d\nopen 0 %d\nopen 0 %d\nopen 1 0\n", ENOENT,
             ENOENT, ENOENT, EACCES);
    CHECK(strstr(text, want));
    snprintf(want, sizeof(want), "write 0 %d\nmake 0 %d\n", EROFS, EROFS);
    CHECK(strstr(text, want));
    CHECK(strstr(text, "image the guest's\n"));
    snprintf(want, sizeof(want), "exec 0 %d\n", EPERM);
    CHECK(strstr(text, want));
    snprintf(want, sizeof(want), "room 1 %u -1 %d\nroom 17 %u -1 %d\nroom 0 %u -1 %d\n", 64 << 20,
             ENOSYS, 64 << 20, ENOSYS, 64 << 20, EFBIG);
    CHECK(strstr(text, want));
    CHECK(strstr(text, "room 0 8192 0 0\n"));
    CHECK(strstr(text, "room 3 4096 0 0\n"));
    /* Not every file system knows it; the filter lets it through. */
    snprintf(want, sizeof(want), "room 16 8192 -1 %d\n", EOPNOTSUPP);
    CHECK(strstr(text, "room 16 8192 0 0\n") || strstr(text, want));
    snprintf(want, sizeof(want), "ioctl 0 %d\nioctl 0 %d\n", ENOSYS, ENOSYS);
    CHECK(strstr(text, want));
    snprintf(want, sizeof(want), "who %u %u 1\n", TEST_UID, TEST_UID);
    CHECK(strstr(text, want));
}

int main(void)
{
    static char numbers[FORBIDDEN][12];
    const char *argv[FORBIDDEN + 5] = {"/usr/bin/perl", "-e", script, "--"};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), status = -1;
    struct confine how = {.uid = TEST_UID, .inherited = null, .file_limit = 1 << 20};
    struct confined c;
    struct stat st;
    char *text;

    if (geteuid()) {
        printf("skip: a user is given up here, which only root can\n");
        return 0;
    }
    image = memfd_create("image", MFD_CLOEXEC);
    room = memfd_create("room", MFD_CLOEXEC);
    CHECK(write(image, "the guest's", 11) == 11);
    for (size_t i = 0; i < FORBIDDEN; i++) {
        snprintf(numbers[i], sizeof(numbers[i]), "%d", forbidden[i].nr);
        argv[4 + i] = numbers[i];
    }
    if (confine_start(&c, argv, &how)) {
        printf("skip: namespaces are not allowed here: %s\n", c.why);
        return 0;
    }
    text = listen_to(&c);
    CHECK(waitpid(c.pid, &status, 0) == c.pid && WIFEXITED(status) && !WEXITSTATUS(status));
    check_answers(text);
    CHECK(!fstat(room, &st) && st.st_blocks * 512 <= 65536);
    if (check_failed)
        printf("it said:\n%s", text);
    return check_end();
}
