/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lock.h - admits one trainer to a folder at a time. */
#ifndef LOCK_H
#define LOCK_H

/* Locks folder/lock until the process ends in any way. Exits with a message when another
 * process holds it. */
void lock_folder(const char *folder);

#endif
