/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_old_device.c - opens an engine on a device of compute capability 7.0, which the module is
 * not compiled for (TELUCODEC_SHIM_MAJOR=7): a clear error. */
#include "expect.h"
#include "module.h"
#include "tiny_model.h"

#include <string.h>

int main(void)
{
    const struct telu_module *module = telu_module_open(NULL);
    struct telu_config c = tiny_config();
    struct telu_model *m = tiny_model(&c, 3);

    if (!m || !module || !module->engine || module->devices() < 1) {
        printf("test_old_device: %s\n", telu_error());
        return 1;
    }
    check(!module->engine->open(m, 0, 8), "an engine was opened on an old device", 7.0);
    check(module->status() == TELU_ERR_DEVICE, "its status", (double)module->status());
    if (!strstr(module->error(), "device 0 has compute capability 7.0, expected 7.5")) {
        printf("%s\n", module->error());
        check(0, "the error does not name 7.0 and 7.5", 0.0);
    }
    telu_model_close(m);
    return failed;
}
