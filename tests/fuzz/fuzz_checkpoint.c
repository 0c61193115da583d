/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz_checkpoint.c - hostile checkpoints: peeked at and loaded into the smallest trainer. The
 * linker's --wrap makes die() return here, and fopen64() tell which file to close then. When the
 * input's first byte is '=', the check sum of the bytes after it is made right first. */
#define _GNU_SOURCE
#include "checkpoint.h"
#include "crc32c.h"
#include "fuzz.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <unistd.h>

static jmp_buf refused;
static FILE *opened;

void __wrap_die(const char *fmt, ...);
FILE *__wrap_fopen64(const char *path, const char *mode);
FILE *__real_fopen64(const char *path, const char *mode);

void __wrap_die(const char *fmt, ...)
{
    promise(fmt && *fmt, "refused without a reason", 0);
    longjmp(refused, 1);
}

FILE *__wrap_fopen64(const char *path, const char *mode)
{
    return opened = __real_fopen64(path, mode);
}

static struct telu_config smallest(void)
{
    struct telu_config c = {
        .enc_width = 1, .enc_blocks = 1, .dec_width = 1, .dec_blocks = 1, .kernel = 1,
        .expand = 1, .latent = 1, .stages = 1, .codes = 2, .dim = { 1 }, .env_stages = 0,
    };

    return c;
}

static void peek(const char *path)
{
    struct progress p = { 0 };

    if (setjmp(refused)) {
        fclose(opened);
        return;
    }
    promise(!checkpoint_peek(path, &p), "there is no file", 0);
    promise(!telu_config_check(&p.config), telu_error(), 0);
    promise(memchr(p.settings, 0, sizeof(p.settings)) != NULL, "settings without an end", 0);
}

static void load(const char *path, struct trainer *t)
{
    struct progress p = { 0 };

    if (setjmp(refused))
        fclose(opened);
    else
        promise(!checkpoint_load(path, t, &p), "there is no file", 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct trainer *t;
    const int mended = size > 4 && *data == '=';
    int fd = memfd_create("checkpoint", 0);
    struct telu_config c = smallest();
    char path[64];

    data += mended;
    size -= mended;
    if (!t)
        t = trainer_new(&c, 1, 10, 1);
    promise(fd >= 0 && write(fd, data, size) == (ssize_t)size, "a file in memory", fd);
    if (mended) {
        uint32_t sum = crc32c(0, data, size - 4);

        promise(pwrite(fd, &sum, 4, (off_t)size - 4) == 4, "a check sum", sum);
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    peek(path);
    load(path, t);
    close(fd);
    return 0;
}
