// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_daemon.c: what a daemon's processes say goes to a log that stays within its bounds, whole
 * lines of it, with one predecessor.
 */
#include <libdaemon/libdaemon.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

#define LIMIT     (4 << 20)
#define PROCESSES 3
#define LINES     6000 /* of some 900 bytes each, from each process: four files full */

static void say_much(const char *log)
{
    char text[860];
    int ready[2];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    if (pipe(ready))
        _exit(1);
    daemon_ready(ready[1], log);
    for (int p = 1; p < PROCESSES; p++)
        if (!fork())
            break;
    for (int i = 0; i < LINES; i++)
        daemon_say("%05d %s end", i, text);
    while (wait(NULL) > 0)
        ;
    _exit(0);
}

/* The size; whether each line is one that was said, is told by `whole`. */
static long look(const char *path, bool *whole)
{
    FILE *f = fopen(path, "r");
    char line[1200];
    long size = -1;

    *whole = f;
    while (f && fgets(line, sizeof(line), f))
        *whole = *whole && strlen(line) > 880 && !strcmp(line + strlen(line) - 5, " end\n");
    if (f) {
        size = ftell(f);
        fclose(f);
    }
    return size;
}

int main(void)
{
    char dir[] = "/tmp/test-daemon-XXXXXX", log[64], old[64];
    unsigned files = 0;
    struct dirent *e;
    int status;
    bool whole;
    pid_t pid;
    long size;
    DIR *d;

    if (!mkdtemp(dir))
        return 1;
    snprintf(log, sizeof(log), "%s/x.log", dir);
    snprintf(old, sizeof(old), "%s/x.log.1", dir);
    fflush(stdout);
    pid = fork();
    if (!pid)
        say_much(log);
    CHECK(waitpid(pid, &status, 0) == pid && !status);
    size = look(log, &whole);
    CHECK(size > 0 && size < LIMIT + 4096 && whole);
    /* A process that has not looked since another started a new file says one more line in it. */
    size = look(old, &whole);
    CHECK(size >= LIMIT && size < LIMIT + 4096 && whole);
    d = opendir(dir);
    while (d && (e = readdir(d)))
        files += e->d_name[0] != '.';
    if (d)
        closedir(d);
    CHECK(files == 2);
    unlink(log);
    unlink(old);
    rmdir(dir);
    return check_end();
}
