/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* module.c - finds, opens and checks the CUDA module, see module.h. */
#include "module.h"

#include "error.h"
#include "weights.h"

#include <dlfcn.h>
#include <elf.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_VARIABLE "TELUCODEC_BACKEND_PATH"
#define DRIVER        "libcuda.so.1"   /* the name that CUDA's runtime loads */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct telu_module *opened;       /* stays open */

static _Thread_local enum telu_absent absent;

/* Path of TELU_MODULE_FILE in folder, for free(); NULL when there is none. */
static char *file_in(const char *folder)
{
    const size_t size = strlen(folder) + sizeof("/" TELU_MODULE_FILE);
    char *path = malloc(size);

    if (!path)
        return NULL;
    snprintf(path, size, "%s/%s", folder, TELU_MODULE_FILE);
    if (!access(path, F_OK))
        return path;
    free(path);
    return NULL;
}

/* Path of the module, for free(); NULL with telu_error() when there is none. No other folder
 * replaces the one that the environment names. */
static char *find(const char *build_dir)
{
    const char *env = getenv(PATH_VARIABLE);
    char *path;

    if (env && *env) {
        path = file_in(env);
        if (!path)
            telu_fail_status(TELU_ERR_DEVICE, "The CUDA module " TELU_MODULE_FILE " is not in %s, "
                             "which " PATH_VARIABLE " names: correct or unset it", env);
        return path;
    }
    path = build_dir ? file_in(build_dir) : NULL;
    if (!path)
        path = file_in(TELU_MODULE_DIR);
    if (!path)
        telu_fail_status(TELU_ERR_DEVICE, "The CUDA module " TELU_MODULE_FILE " was not found in "
                         "%s%s%s: install it there, or name its folder in " PATH_VARIABLE,
                         build_dir ? build_dir : "", build_dir ? " or " : "", TELU_MODULE_DIR);
    return path;
}

static const struct telu_module *check(void *file, const char *path)
{
    telu_module_entry entry = NULL;
    const struct telu_module *m;

    *(void **)&entry = dlsym(file, TELU_MODULE_ENTRY);
    if (!entry) {
        telu_fail_status(TELU_ERR_DEVICE, "%s has no symbol " TELU_MODULE_ENTRY ": it is no "
                         "module of TeluCodec", path);
        return NULL;
    }
    m = entry(TELU_MODULE_ABI);
    if (!m) {
        telu_fail_status(TELU_ERR_VERSION, "The CUDA module %s is of another version: it does "
                         "not speak ABI %d, which is expected", path, TELU_MODULE_ABI);
        return NULL;
    }
    if (m->abi != TELU_MODULE_ABI) {
        telu_fail_status(TELU_ERR_VERSION, "The CUDA module %s is of another version: it has ABI "
                         "%u, expected %d", path, m->abi, TELU_MODULE_ABI);
        return NULL;
    }
    if (m->model_size != sizeof(struct telu_model)) {
        telu_fail_status(TELU_ERR_VERSION, "The CUDA module %s is of another build: its models "
                         "take %u bytes, expected %zu", path, m->model_size,
                         sizeof(struct telu_model));
        return NULL;
    }
    return m;
}

/* Returns 1 for a cut file, as a full disk leaves it: the loader would map pages that it lacks,
 * and the system would kill the process. The section table ends a complete file. */
static int ends_too_soon(const char *path)
{
    FILE *f = fopen(path, "rb");
    Elf64_Ehdr head;
    long bytes = -1;
    uint64_t whole;

    if (f && fread(&head, sizeof(head), 1, f) == 1 && !fseek(f, 0, SEEK_END))
        bytes = ftell(f);
    if (f)
        fclose(f);
    if (bytes < 0 || memcmp(head.e_ident, ELFMAG, SELFMAG) ||
        head.e_ident[EI_CLASS] != ELFCLASS64)
        return 0;              /* the loader reports it */
    whole = head.e_shoff + (uint64_t)head.e_shnum * head.e_shentsize;
    if (whole <= (uint64_t)bytes)
        return 0;
    telu_fail_status(TELU_ERR_DEVICE, "The CUDA module %s is cut off: it has %ld bytes of %llu; "
                     "install it again", path, bytes, (unsigned long long)whole);
    return 1;
}

/* Advice when another library is missing: the loader's text then does not name the module. */
static const char *advice(const char *why, const char *path)
{
    return strstr(why, "cannot open shared object file") && !strstr(why, path)
        ? "; install that library, or name its folder in LD_LIBRARY_PATH" : "";
}

/* Looks for a driver before the module loads 200 MB of CUDA's libraries, useless without one. A
 * module that the environment names may need no driver. */
static int has_driver(void)
{
    const char *env = getenv(PATH_VARIABLE);

    if (env && *env)
        return 1;
    if (dlopen(DRIVER, RTLD_LAZY | RTLD_LOCAL))
        return 1;              /* stays open */
    telu_fail_status(TELU_ERR_DEVICE, "There is no CUDA driver: %s", dlerror());
    return 0;
}

/* The caller holds the lock. */
static const struct telu_module *open_file(const char *path)
{
    const struct telu_module *m;
    void *file;

    if (ends_too_soon(path))
        return NULL;
    file = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    if (!file) {
        const char *why = dlerror();

        telu_fail_status(TELU_ERR_DEVICE, "The CUDA module %s cannot be opened: %s%s", path, why,
                         advice(why, path));
        return NULL;
    }
    m = check(file, path);
    if (!m)                    /* else it stays open: CUDA's libraries do not unload */
        dlclose(file);
    return m;
}

const struct telu_module *telu_module_open(const char *build_dir)
{
    const struct telu_module *m;

    absent = TELU_THERE;
    pthread_mutex_lock(&lock);
    if (!opened) {
        char *path = find(build_dir);

        absent = !path ? TELU_NO_MODULE : !has_driver() ? TELU_NO_DRIVER : TELU_THERE;
        opened = absent ? NULL : open_file(path);
        free(path);
    }
    m = opened;
    pthread_mutex_unlock(&lock);
    return m;
}

enum telu_absent telu_module_absent(void)
{
    return absent;
}
