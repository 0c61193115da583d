/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* module.c - engine.c as a module that the plugin can open. With ABI defined, one of that
 * version; with SIZE, one whose models are so large; with LATER, one that has moved on and
 * says no; with NEEDS, one that lacks a library where it is copied to. */
#include "fake/engine.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT const struct telu_module *telu_module_get(uint32_t abi);
EXPORT struct fake_control *fake_control_get(void);

#ifdef NEEDS
int fake_absent(void);
#endif

const struct telu_module *telu_module_get(uint32_t abi)
{
#ifdef NEEDS
    if (fake_absent())
        return NULL;
#endif
#ifdef LATER
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
