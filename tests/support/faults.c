/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* faults.c - see faults.h. */
#define _GNU_SOURCE
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof(*(a))))

/* The calls that are handed over, and which of their arguments name files: by number, or by
 * path. */
static const struct { int call, fd, path, other; } calls[] = {
    { SYS_write, 0, -1, -1 }, { SYS_writev, 0, -1, -1 }, { SYS_pwrite64, 0, -1, -1 },
    { SYS_fsync, 0, -1, -1 }, { SYS_fdatasync, 0, -1, -1 },
#ifdef SYS_rename
    { SYS_rename, -1, 0, 1 },
#endif
#ifdef SYS_renameat
    { SYS_renameat, -1, 1, 3 },
#endif
    { SYS_renameat2, -1, 1, 3 },
};

/* --- The program ------------------------------------------------------------ */

/* Returns a descriptor from which the handed over calls are read; -1: not on this system. */
static int hand_over(void)
{
    struct sock_filter code[2 * COUNT(calls) + 2];
    struct sock_fprog all = { 0, code };

    code[all.len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                                   offsetof(struct seccomp_data, nr));
    for (int i = 0; i < COUNT(calls); i++) {
        code[all.len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                       (unsigned)calls[i].call, 0, 1);
        code[all.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    }
    code[all.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -1;
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                        &all);
}

/* Sends a descriptor, or receives it when send is 0. Returns it, or -1. */
static int pass(int socket, int fd, int send)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    char byte = fd >= 0;
    struct iovec one = { &byte, 1 };
    struct msghdr m = { .msg_iov = &one, .msg_iovlen = 1, .msg_control = control.bytes,
                        .msg_controllen = sizeof(control.bytes) };
    struct cmsghdr *head = CMSG_FIRSTHDR(&m);

    if (send && fd >= 0) {
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(head), &fd, sizeof(fd));
    } else if (send) {
        m.msg_controllen = 0;
    }
    if (send)
        return sendmsg(socket, &m, 0) == 1 ? fd : -1;
    if (recvmsg(socket, &m, 0) != 1 || !byte || !CMSG_FIRSTHDR(&m))
        return -1;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
    return fd;
}

static void be_program(char *const *argv, int socket, int out)
{
    dup2(out, 1);
    dup2(out, 2);
    if (pass(socket, hand_over(), 1) < 0)
        _exit(126);
    execv(argv[0], argv);
    _exit(127);
}

/* --- The files of a call ------------------------------------------------------ */

static int path_of_fd(pid_t pid, uint64_t fd, char *path, size_t size)
{
    char link[64];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, (int)fd);
    n = readlink(link, path, size - 1);
    path[n > 0 ? n : 0] = 0;
    return n > 0;
}

/* Reads a text of the program, whose pages beyond its end may not be there. */
static void text_at(pid_t pid, uint64_t at, char *text, size_t size)
{
    size_t n = 0;

    for (; n + 1 < size; n++) {
        struct iovec to = { text + n, 1 }, from = { (void *)(uintptr_t)(at + n), 1 };

        if (process_vm_readv(pid, &to, 1, &from, 1, 0) != 1 || !text[n])
            break;
    }
    text[n] = 0;
}

/* Returns whether a call is on such a file. */
static int meets(const struct seccomp_notif *n, const char *want)
{
    char path[1024];

    for (int i = 0; i < COUNT(calls); i++) {
        if (n->data.nr != calls[i].call)
            continue;
        if (calls[i].fd >= 0)
            return path_of_fd((pid_t)n->pid, n->data.args[calls[i].fd], path, sizeof(path)) &&
                   strstr(path, want);
        text_at((pid_t)n->pid, n->data.args[calls[i].path], path, sizeof(path));
        if (strstr(path, want))
            return 1;
        text_at((pid_t)n->pid, n->data.args[calls[i].other], path, sizeof(path));
        return strstr(path, want) != NULL;
    }
    return 0;
}

/* Writes the first half of what a write would. Returns the bytes, or -errno. */
static int64_t write_half(pid_t leader, const struct seccomp_notif *n)
{
    const __u64 *arg = n->data.args;
    struct iovec from = { (void *)(uintptr_t)arg[1], arg[2] }, to;
    int process, fd;
    int64_t got = -EIO;

    if (n->data.nr == SYS_writev) {
        struct iovec first, self = { &first, sizeof(first) };

        from.iov_len = sizeof(first);
        if (process_vm_readv((pid_t)n->pid, &self, 1, &from, 1, 0) != sizeof(first))
            return -EFAULT;
        from = first;
    }
    to.iov_len = from.iov_len = (from.iov_len + 1) / 2;
    to.iov_base = malloc(to.iov_len + 1);
    process = (int)syscall(SYS_pidfd_open, leader, 0);
    fd = (int)syscall(SYS_pidfd_getfd, process, (int)arg[0], 0);
    if (to.iov_base && fd >= 0 && process_vm_readv((pid_t)n->pid, &to, 1, &from, 1, 0) ==
        (ssize_t)to.iov_len) {
        got = n->data.nr == SYS_pwrite64 ?
              pwrite(fd, to.iov_base, to.iov_len, (off_t)arg[3]) :
              write(fd, to.iov_base, to.iov_len);
        got = got < 0 ? -errno : got;
    }
    free(to.iov_base);
    close(process);
    close(fd);
    return got;
}

static int writes(int call)
{
    return call == SYS_write || call == SYS_writev || call == SYS_pwrite64;
}

/* A rename is not interrupted: rename(2) names no EINTR. */
static int renames(int call)
{
    return !writes(call) && call != SYS_fsync && call != SYS_fdatasync;
}

/* --- The run ------------------------------------------------------------------- */

/* Decides on one call. Returns whether it came. */
static int answer(int listener, pid_t leader, const struct fault *f, struct fault_result *r)
{
    struct seccomp_notif n = { 0 };
    struct seccomp_notif_resp reply = { .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n))
        return errno == EINTR || errno == ENOENT;
    reply.id = n.id;
    if (meets(&n, f->path)) {
        const int now = r->calls++, hit = f->at >= 0 && (now == f->at ||
                                                         (f->stays && now > f->at));

        if (hit && f->error == FAULT_KILL) {
            kill(leader, SIGKILL);
            return 1;
        }
        if (hit && f->error == FAULT_SHORT && writes(n.data.nr)) {
            reply.val = write_half(leader, &n);
            reply.error = reply.val < 0 ? (int)reply.val : 0;
            reply.flags = 0;
        } else if (hit && f->error > 0 && (f->error != EINTR || !renames(n.data.nr))) {
            reply.error = -f->error;
            reply.flags = 0;
        }
    }
    return !ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply) || errno == ENOENT;
}

static void watch(int listener, int out, pid_t leader, const struct fault *f,
                  struct fault_result *r)
{
    struct pollfd both[] = { { listener, POLLIN, 0 }, { out, POLLIN, 0 } };
    size_t n = 0;

    while (both[0].fd >= 0 || both[1].fd >= 0) {
        if (poll(both, 2, -1) < 0 && errno != EINTR)
            break;
        if (both[0].revents & POLLIN && !answer(listener, leader, f, r))
            both[0].fd = -1;
        if (both[1].revents & (POLLIN | POLLHUP)) {
            char text[1024];
            const ssize_t got = read(out, text, sizeof(text));

            if (got <= 0)
                both[1].fd = -1;
            if (got > 0) {
                const size_t drop = n + got < sizeof(r->text) ? 0 : n + got + 1 - sizeof(r->text);

                memmove(r->text, r->text + drop, n - drop);
                memcpy(r->text + n - drop, text, got);
                n += got - drop;
            }
        } else if (both[0].revents & (POLLHUP | POLLERR)) {
            both[0].fd = -1;
        }
    }
    r->text[n] = 0;
}

int fault_run(char *const *argv, const struct fault *f, struct fault_result *r)
{
    int pair[2], out[2], listener, status = 0;
    pid_t child;

    memset(r, 0, sizeof(*r));
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) || pipe2(out, O_CLOEXEC))
        return 1;
    fflush(stdout);
    child = fork();
    if (child == 0)
        be_program(argv, pair[1], out[1]);
    close(pair[1]);
    close(out[1]);
    listener = child > 0 ? pass(pair[0], -1, 0) : -1;
    if (listener >= 0)
        watch(listener, out[0], child, f, r);
    if (child > 0)
        waitpid(child, &status, 0);
    close(pair[0]);
    close(out[0]);
    close(listener);
    r->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return listener < 0;
}
