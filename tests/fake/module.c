/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* module.c - engine.c as a module that the plugin can open. ABI and SIZE override the
 * module's version and the size of its model. NEWER_ABI makes a module that refuses the
 * plugin's version. MISSING_LIBRARY links the module to a library that it does not find. */
#include "fake/engine.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT const struct telu_module *telu_module_get(uint32_t abi);
EXPORT struct fake_control *fake_control_get(void);

#ifdef MISSING_LIBRARY
int fake_dependency(void);
#endif

const struct telu_module *telu_module_get(uint32_t abi)
{
#ifdef MISSING_LIBRARY
    if (fake_dependency())
        return NULL;
#endif
#ifdef NEWER_ABI
    return abi == TELU_MODULE_ABI + 1 ? &fake_module : NULL;
#elif defined(ABI) || defined(SIZE)
    static struct telu_module other;

    other = fake_module;
#ifdef ABI
    other.abi = ABI;
#else
    other.model_size = SIZE;
#endif
    (void)abi;
    return &other;
#else
    return abi == TELU_MODULE_ABI ? &fake_module : NULL;
#endif
}

struct fake_control *fake_control_get(void)
{
    return &fake_control;
}
