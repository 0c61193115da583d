/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tsan_locks.c - tells ThreadSanitizer of GLib's locks, which are futexes that it does not know.
 * Functions of these names in the program come before GLib's for all libraries; each calls
 * GLib's own, and says what it did. Empty in any other build. */
#ifdef __SANITIZE_THREAD__

#define _GNU_SOURCE
#include <dlfcn.h>
#include <glib.h>
#include <sanitizer/tsan_interface.h>

/* GLib's function of that name. */
#define OWN(name) \
    static __typeof__ (name) *own; \
    if (!own) \
      own = (__typeof__ (name) *) dlsym (RTLD_NEXT, #name)

#define LOCK(name, type, flags) \
    void name (type * lock) \
    { \
      OWN (name); \
      __tsan_mutex_pre_lock (lock, flags); \
      own (lock); \
      __tsan_mutex_post_lock (lock, flags, 0); \
    }

#define TRYLOCK(name, type, flags) \
    gboolean name (type * lock) \
    { \
      gboolean got; \
      OWN (name); \
      __tsan_mutex_pre_lock (lock, (flags) | __tsan_mutex_try_lock); \
      got = own (lock); \
      __tsan_mutex_post_lock (lock, (flags) | __tsan_mutex_try_lock | \
          (got ? 0 : __tsan_mutex_try_lock_failed), 0); \
      return got; \
    }

#define UNLOCK(name, type, flags) \
    void name (type * lock) \
    { \
      OWN (name); \
      __tsan_mutex_pre_unlock (lock, flags); \
      own (lock); \
      __tsan_mutex_post_unlock (lock, flags); \
    }

#define AGAIN __tsan_mutex_write_reentrant
#define SHARED __tsan_mutex_read_lock

LOCK (g_mutex_lock, GMutex, 0)
TRYLOCK (g_mutex_trylock, GMutex, 0)
UNLOCK (g_mutex_unlock, GMutex, 0)
LOCK (g_rec_mutex_lock, GRecMutex, AGAIN)
TRYLOCK (g_rec_mutex_trylock, GRecMutex, AGAIN)
UNLOCK (g_rec_mutex_unlock, GRecMutex, AGAIN)
LOCK (g_rw_lock_writer_lock, GRWLock, 0)
TRYLOCK (g_rw_lock_writer_trylock, GRWLock, 0)
UNLOCK (g_rw_lock_writer_unlock, GRWLock, 0)
LOCK (g_rw_lock_reader_lock, GRWLock, SHARED)
TRYLOCK (g_rw_lock_reader_trylock, GRWLock, SHARED)
UNLOCK (g_rw_lock_reader_unlock, GRWLock, SHARED)

void
g_cond_wait (GCond * cond, GMutex * mutex)
{
  OWN (g_cond_wait);
  __tsan_mutex_pre_unlock (mutex, 0);
  __tsan_mutex_post_unlock (mutex, 0);
  own (cond, mutex);
  __tsan_mutex_pre_lock (mutex, 0);
  __tsan_mutex_post_lock (mutex, 0, 0);
}

gboolean
g_cond_wait_until (GCond * cond, GMutex * mutex, gint64 end_time)
{
  gboolean woken;
  OWN (g_cond_wait_until);

  __tsan_mutex_pre_unlock (mutex, 0);
  __tsan_mutex_post_unlock (mutex, 0);
  woken = own (cond, mutex, end_time);
  __tsan_mutex_pre_lock (mutex, 0);
  __tsan_mutex_post_lock (mutex, 0, 0);
  return woken;
}

#else
typedef int empty;             /* C wants a declaration in a file */
#endif
