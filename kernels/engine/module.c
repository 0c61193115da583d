/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* module.c - finds, opens and checks the CUDA module, see module.h. */
#include "module.h"

#include "error.h"
#include "weights.h"

#include <elf.h>
#include <gmodule.h>
#include <stdio.h>
#include <string.h>

#define PATH_VARIABLE "TELUCODEC_BACKEND_PATH"
#define DRIVER        "libcuda.so.1"   /* what CUDA's runtime will look for */

static GMutex lock;
static const struct telu_module *opened;       /* once, and for good */

static _Thread_local enum telu_absent absent;

/* The file to open, to be freed; NULL with telu_error() when there is none. Of a
 * folder that the environment names nothing else is a substitute. */
static char *find(const char *build_dir)
{
    const char *env = g_getenv(PATH_VARIABLE);
    const char *folder[] = { build_dir, TELU_MODULE_DIR };
    char *path;

    if (env && *env) {
        path = g_build_filename(env, TELU_MODULE_FILE, NULL);
        if (g_file_test(path, G_FILE_TEST_EXISTS))
            return path;
        g_free(path);
        telu_fail("The CUDA module " TELU_MODULE_FILE " is not in %s, which "
                  PATH_VARIABLE " names: correct or unset it", env);
        return NULL;
    }
    for (int i = 0; i < 2; i++) {
        path = folder[i] ? g_build_filename(folder[i], TELU_MODULE_FILE, NULL) : NULL;
        if (path && g_file_test(path, G_FILE_TEST_EXISTS))
            return path;
        g_free(path);
    }
    telu_fail("The CUDA module " TELU_MODULE_FILE " was not found in %s%s%s: install "
              "it there, or name its folder in " PATH_VARIABLE,
              build_dir ? build_dir : "", build_dir ? " or " : "", TELU_MODULE_DIR);
    return NULL;
}

static const struct telu_module *check(GModule *file, const char *path)
{
    gpointer entry = NULL;
    const struct telu_module *m;

    if (!g_module_symbol(file, TELU_MODULE_ENTRY, &entry) || !entry) {
        telu_fail("%s has no symbol " TELU_MODULE_ENTRY ": it is no module of "
                  "TeluCodec", path);
        return NULL;
    }
    m = ((telu_module_entry)entry)(TELU_MODULE_ABI);
    if (!m) {
        telu_fail("The CUDA module %s is of another version: it does not speak ABI "
                  "%d, which is expected", path, TELU_MODULE_ABI);
        return NULL;
    }
    if (m->abi != TELU_MODULE_ABI) {
        telu_fail("The CUDA module %s is of another version: it has ABI %u, expected "
                  "%d", path, m->abi, TELU_MODULE_ABI);
        return NULL;
    }
    if (m->model_size != sizeof(struct telu_model)) {
        telu_fail("The CUDA module %s is of another build: its models take %u bytes, "
                  "expected %zu", path, m->model_size, sizeof(struct telu_model));
        return NULL;
    }
    return m;
}

/* Of a file that ends too soon, as on a full disk, the loader would touch what is not there,
 * and the process be killed. The table of sections is the last thing in it. */
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
        return 0;              /* for the loader to say */
    whole = head.e_shoff + (uint64_t)head.e_shnum * head.e_shentsize;
    if (whole <= (uint64_t)bytes)
        return 0;
    telu_fail("The CUDA module %s is cut off: it has %ld bytes of %llu; install it again",
              path, bytes, (unsigned long long)whole);
    return 1;
}

/* What there is to do where it is not the module itself that cannot be read. */
static const char *advice(const char *why, const char *path)
{
    return strstr(why, "cannot open shared object file") && !strstr(why, path)
        ? "; install that library, or name its folder in LD_LIBRARY_PATH" : "";
}

/* Opening the module takes 200 MB of CUDA's libraries, for nothing where there is no driver.
 * What the environment names is taken at its word: it may do without. */
static int has_driver(void)
{
    const char *env = g_getenv(PATH_VARIABLE);
    GModule *driver;

    if (env && *env)
        return 1;
    driver = g_module_open(DRIVER, G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);
    if (driver)
        g_module_make_resident(driver);
    else
        telu_fail("There is no CUDA driver: %s", g_module_error());
    return driver != NULL;
}

/* Called with the lock. */
static const struct telu_module *open_file(const char *path)
{
    const struct telu_module *m;
    GModule *file;

    if (ends_too_soon(path))
        return NULL;
    file = g_module_open(path, G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);
    if (!file) {
        telu_fail("The CUDA module %s cannot be opened: %s%s", path, g_module_error(),
                  advice(g_module_error(), path));
        return NULL;
    }
    m = check(file, path);
    if (m)
        g_module_make_resident(file);  /* CUDA's libraries do not like to go */
    else
        g_module_close(file);
    return m;
}

const struct telu_module *telu_module_open(const char *build_dir)
{
    const struct telu_module *m;

    absent = TELU_THERE;
    g_mutex_lock(&lock);
    if (!opened) {
        char *path = find(build_dir);

        absent = !path ? TELU_NO_MODULE : !has_driver() ? TELU_NO_DRIVER : TELU_THERE;
        opened = absent ? NULL : open_file(path);
        g_free(path);
    }
    m = opened;
    g_mutex_unlock(&lock);
    return m;
}

enum telu_absent telu_module_absent(void)
{
    return absent;
}
