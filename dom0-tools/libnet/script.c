// SPDX-License-Identifier: GPL-2.0-only
// A hot-plug script, in the environment that xl's have. Its output is kept: the end of it is what
// an administrator needs when it fails.
#include "net_private.h"
#include "../oom.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../clock.h"

#define SCRIPT_SECONDS 30

static void script_child(const struct net_state *state, const char *action, const char *ifname,
                         int output)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (getpriority(PRIO_PROCESS, 0) < 0) { // the daemon's, which comes before others
        setpriority(PRIO_PROCESS, 0, 0);
    }
    setpgid(0, 0); // so that all that it starts can be killed with it
    int null = open("/dev/null", O_RDONLY);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
    }
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    setenv("script", state->script, 1);
    setenv("vif", ifname, 1);
    setenv("XENBUS_TYPE", "vif", 1);
    setenv("XENBUS_BASE_PATH", "backend", 1);
    setenv("XENBUS_PATH", state->xenbus_path, 1);
    setenv("netdev", state->gateway, 1);
    execl(state->script, state->script, action, "type_if=vif", (char *)NULL);
    dprintf(STDERR_FILENO, "%s", strerror(errno));
    _exit(127);
}

// Read until the script's end of the pipe is closed; keep the last line. False: out of time.
static bool script_listen(int input, char *last, size_t size)
{
    int64_t end = now_ms() + SCRIPT_SECONDS * 1000;
    size_t fill = 0;
    bool line_over = false;
    for (;;) {
        struct pollfd ready = {.fd = input, .events = POLLIN};
        char block[512];
        int64_t left = end - now_ms();
        if (left <= 0 || poll(&ready, 1, (int)left) == 0) {
            return false;
        }
        ssize_t got = read(input, block, sizeof(block));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return true;
        }
        for (ssize_t i = 0; i < got; i++) {
            if (block[i] == '\n') {
                line_over = true;
            } else if (block[i] >= ' ') {
                fill = line_over ? 0 : fill;
                line_over = false;
                if (fill + 1 < size) {
                    last[fill++] = block[i];
                }
            }
        }
        last[fill] = '\0';
    }
}

// -1 where another part of the process has taken the status.
static int script_reap(pid_t pid)
{
    int status;
    pid_t got;
    do {
        got = waitpid(pid, &status, 0);
    } while (got < 0 && errno == EINTR);
    return got == pid ? status : -1;
}

int script_run(const struct net_state *state, const char *action, const char *ifname,
               const struct net_err *err)
{
    const char *script = state->script;
    int pipes[2];
    char last[200] = "it said nothing";
    if (script[0] != '/' || access(script, X_OK)) {
        return net_fail(err, "%s: script %s: %s", ifname, script,
                        script[0] == '/' ? strerror(errno) : "its path is not absolute");
    }
    if (pipe2(pipes, O_CLOEXEC)) {
        return net_fail(err, "%s: script %s: %s", ifname, script, strerror(errno));
    }
    pid_t pid = fork();
    if (pid < 0) {
        close(pipes[0]);
        close(pipes[1]);
        return net_fail(err, "%s: script %s: %s", ifname, script, strerror(errno));
    }
    if (pid == 0) {
        oom_score(OOM_USUAL); // not what the daemon that runs it has
        script_child(state, action, ifname, pipes[1]);
    }
    close(pipes[1]);
    bool in_time = script_listen(pipes[0], last, sizeof(last));
    close(pipes[0]);
    // The child has a process group of its own by now: it is set before the script is run.
    if (!in_time) {
        kill(-pid, SIGKILL);
    }
    int status = script_reap(pid);
    if (!in_time) {
        return net_fail(err, "%s: script %s %s did not end within %d seconds", ifname, script,
                        action, SCRIPT_SECONDS);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return 0;
    }
    return net_fail(err, "%s: script %s %s failed with status %d: %s", ifname, script, action,
                    WIFEXITED(status) ? WEXITSTATUS(status) : -1, last);
}
