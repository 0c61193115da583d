/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_module.c MODULE - checks that the module is opened only if a driver exists, unless the
 * environment names its folder, and that the error names what is missing. */
#include "error.h"
#include "expect.h"
#include "module.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <gmodule.h>
#include <string.h>

static int mapped(const char *path)
{
    char *maps = NULL;
    int is;

    g_file_get_contents("/proc/self/maps", &maps, NULL, NULL);
    is = maps && strstr(maps, path);
    g_free(maps);
    return is;
}

int main(int argc, char **argv)
{
    char *folder = g_dir_make_tmp("telucodec-XXXXXX", NULL);
    char *path = g_build_filename(folder, TELU_MODULE_FILE, NULL), *data = NULL;
    gsize size = 0;
    GModule *driver = g_module_open("libcuda.so.1", G_MODULE_BIND_LAZY);

    g_unsetenv("TELUCODEC_BACKEND_PATH");
    if (!g_file_test(TELU_MODULE_DIR "/" TELU_MODULE_FILE, G_FILE_TEST_EXISTS)) {
        check(!telu_module_open(folder), "a module in an empty folder", 0);
        check(telu_module_absent() == TELU_NO_MODULE, "absent", telu_module_absent());
        check(strstr(telu_error(), folder) != NULL, "where it was looked for", 0);
    }
    check(argc > 1 && g_file_get_contents(argv[1], &data, &size, NULL), "the module", argc);
    g_file_set_contents(path, data, (gssize)size, NULL);
    if (!driver) {
        check(!telu_module_open(folder), "a module without a driver", 0);
        check(telu_module_absent() == TELU_NO_DRIVER, "absent", telu_module_absent());
        check(strstr(telu_error(), "no CUDA driver: libcuda.so.1") != NULL, telu_error(), 0);
        check(!mapped(path), "opened without a driver", 0);
        g_setenv("TELUCODEC_BACKEND_PATH", folder, TRUE);
    }
    check(telu_module_open(folder) != NULL, telu_error(), 0);
    check(telu_module_absent() == TELU_THERE, "absent", telu_module_absent());
    check(mapped(path), "opened, and not in memory", 0);

    g_unlink(path);
    g_rmdir(folder);
    g_free(data);
    g_free(path);
    g_free(folder);
    printf("module: %s, %s\n", driver ? "a driver" : "no driver", failed ? "failed" : "ok");
    return failed;
}
