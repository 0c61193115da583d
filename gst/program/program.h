/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* program.h - shared parts of the commands of the program telucodec. */
#ifndef TELUCODEC_PROGRAM_H
#define TELUCODEC_PROGRAM_H

#include "finder.h"

#include <gst/gst.h>

G_BEGIN_DECLS

#define RATE 16000

/* Exit codes. */
enum
{
  DONE_ALL = 0,
  DONE_SOME = 1,                /* at least one file failed or is damaged */
  DONE_USAGE = 2,               /* the command line is wrong, or nothing can work here */
  DONE_STOPPED = 130            /* by Ctrl-C, SIGTERM or SIGHUP */
};

typedef struct
{
  const char *name;
  const char *what;             /* it does, in a few words */
  int (*run) (int argc, char **argv);   /* argv[0]: the command's name; an exit code */
} Command;

int encode_main (int argc, char **argv);
int decode_main (int argc, char **argv);
int info_main (int argc, char **argv);
int play_main (int argc, char **argv);
int compare_main (int argc, char **argv);
int bench_main (int argc, char **argv);
int models_main (int argc, char **argv);

/* --- setup.c: the machine --------------------------------------------------- */

/* Makes GStreamer find the plugin that belongs to this program: that of the same build folder
 * or installation. Comes before gst_init(). */
void setup_paths (void);

/* Returns the folder of this program, to be freed, or NULL. */
char *setup_folder (void);

/* Returns FALSE and says what to do when the plugin is missing. */
gboolean setup_plugin (void);

/* Makes Ctrl-C, SIGTERM and SIGHUP set a flag; a second one ends the program. */
void setup_signals (void);
gboolean setup_stopped (void);

/* --- say.c: messages on stderr ---------------------------------------------- */

/* Says "telucodec: " and the text on a line of its own. Any thread. */
void say (const char *format, ...) G_GNUC_PRINTF (1, 2);

/* Says the text, and the second one so that it stands out. */
void say_plain (const char *format, ...) G_GNUC_PRINTF (1, 2);
void say_loud (const char *format, ...) G_GNUC_PRINTF (1, 2);

/* Returns whether stderr is a terminal. */
gboolean say_on_terminal (void);

/* Draws the text in place of the last line of progress; NULL removes it. Terminals only. */
void say_progress (const char *text);

/* Returns text with control characters and invalid UTF-8 replaced; to be freed. */
char *say_clean (const char *text);

/* Prints `before` and text as a string of JSON, or null, on stdout. */
void say_json (const char *before, const char *text);

/* Formats seconds as 1:02:03.45, 2:03.45 or 3.45 s, and bytes as 12.3 kB; to be freed. */
char *say_time (double seconds);
char *say_bytes (double bytes);

/* --- options.c: the command line -------------------------------------------- */

/* Parses the options of a command, and leaves the other words in argv[1 ...]. `usage` is what
 * follows the command's name, `details` come last. Returns FALSE and says why. */
gboolean options_parse (int *argc, char ***argv, const GOptionEntry * entries,
    const char *usage, const char *summary, const char *details);

/* Says that the command line is wrong, and returns DONE_USAGE. */
int options_wrong (const char *format, ...) G_GNUC_PRINTF (1, 2);

/* Reads a bitrate: 6000, 6k, 6.4k, 6kbit/s. Returns bit/s, or -1. */
int options_bitrate (const char *text);

/* Returns whether text is one of a NULL-terminated list; says which are when it is not. */
gboolean options_one_of (const char *option, const char *text,
    const char *const *list);

/* --- files.c, plan.c: which files become which --------------------------------------- */

typedef enum
{
  ITEM_TODO,
  ITEM_OK,
  ITEM_DAMAGED,                 /* written, but not all of it was there */
  ITEM_DONE_BEFORE,
  ITEM_FAILED
} ItemState;

/* A file to work on. The worker that has it owns it until `state` changes. */
typedef struct
{
  char *in;                     /* "-": standard input */
  char *out;                    /* "-": standard output; NULL: none */
  ItemState state;
  char *text;                   /* why it failed, or what came of it */
  gint64 samples;               /* of sound, at 16 kHz */
  gint64 bytes;                 /* of the .tlc */
  gint permille;                /* of it is done; atomic */
  gint heard;                   /* counts buffers; atomic */
} Item;

/* A request to make files of files. */
typedef struct
{
  char *output;
  gboolean recursive, force, update, quiet;
  int jobs;                     /* files at a time; 0: as many as suit */
  gboolean share;               /* packets of several files run together */
  const char *extension;        /* of outputs: ".tlc" */
  gboolean originals;           /* an older output beside its source may be the original */
  /* Returns whether a file of a folder is one to work on. */
  gboolean (*wanted) (const char *path);
  /* Returns whether a whole output stands there. */
  gboolean (*complete) (const char *path);
} Batch;

/* Options --output, --recursive, --jobs, --force, --update and --quiet, for GOptionEntry
 * arrays. */
#define BATCH_OPTIONS(batch, out_text) \
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &(batch)->output, out_text, "OUT" }, \
    { "recursive", 'r', 0, G_OPTION_ARG_NONE, &(batch)->recursive, \
      "All files of the folders that are named; OUT gets the same folders", NULL }, \
    { "jobs", 'j', 0, G_OPTION_ARG_INT, &(batch)->jobs, \
      "Files at a time (as many as suit the cores)", "N" }, \
    { "update", 'u', 0, G_OPTION_ARG_NONE, &(batch)->update, \
      "Write again what is older than its source or incomplete", NULL }, \
    { "force", 'f', 0, G_OPTION_ARG_NONE, &(batch)->force, \
      "Write again what is there", NULL }, \
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &(batch)->quiet, \
      "Say only what went wrong", NULL }

/* Lists the items for these names, in their order. Returns NULL and says why when the command
 * line is wrong. */
GPtrArray *files_plan (const Batch * batch, char **names);

/* Return an empty list, an item added to it, and an item that failed for this reason. */
GPtrArray *files_new (void);
Item *files_add (GPtrArray * items, const char *in);
Item *files_fail (Item * item, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));

/* Adds the wanted files below root/below, in order of their names. Links to folders are not
 * followed: they may lead round. `out`: the folder that gets the same folders, or NULL. */
void files_walk (GPtrArray * items, const char *root, const char *below,
    gboolean (*wanted) (const char *path), const char *out);

/* Lists the wanted files of the names alone; without outputs. */
GPtrArray *files_list (char **names, gboolean recursive,
    gboolean (*wanted) (const char *path));

/* Returns whether the bytes are known as sound or film, by the file's name or its head. */
gboolean files_is_media (const char *path);
gboolean files_is_tlc (const char *path);

/* --- jobs.c ------------------------------------------------------------------ */

/* Runs work on every ITEM_TODO, `jobs` at a time, with progress and a line for each file, and
 * sums up. `work` sets state, text, samples and bytes. Returns an exit code. */
int jobs_run (GPtrArray * items, const Batch * batch,
    void (*work) (Item * item, gpointer data), gpointer data);

/* --- pipeline.c --------------------------------------------------------------- */

/* Makes a pipeline: the sound of `in`, then `text`. Returns NULL and error. */
GstElement *pipeline_from_sound (const char *in, const char *text, GError ** error);

/* Makes a pipeline: the bytes of `in`, then `text`. */
GstElement *pipeline_from_bytes (const char *in, const char *text, GError ** error);

/* weights.c: keeps the weights of a telucodecenc or telucodecdec loaded, so that a folder of short
 * files does not load them anew for each. path, backend: as the properties, or NULL. Returns the
 * element that does so, for pipeline_let_go(). */
GstElement *pipeline_hold (const char *element, const char *path, const char *backend);
void pipeline_let_go (GstElement * element);

/* Returns whether elements beside the held one share passes over its weights, as on the CPU. Eight
 * files at a time for each core then take less of it than one. */
gboolean pipeline_shares (GstElement * held);

/* Lets packets of the named telucodecenc or telucodecdec wait for those of other files. */
void pipeline_share (GstElement * pipe, const char *element);

/* Shows each buffer that passes that pad of the named element to the callback. */
void pipeline_probe (GstElement * pipe, const char *element, const char *pad,
    GstPadProbeCallback callback, gpointer user);

/* Counts samples (F32LE or S16LE mono) that pass the pad of the element. */
void pipeline_count (GstElement * pipe, const char *element, const char *pad,
    Item * item);

/* Adds up the bytes that pass the pad of the element. */
void pipeline_sum (GstElement * pipe, const char *element, const char *pad,
    gint64 * bytes);

/* Runs the pipeline to its end, and sets item->permille. Warnings are appended to `warnings` as
 * char *, when not NULL. Returns FALSE and error: the element's own, G_IO_ERROR_TIMED_OUT, or
 * G_IO_ERROR_CANCELLED when the program is to stop. The pipeline is stopped then. */
gboolean pipeline_run (GstElement * pipe, Item * item, GPtrArray * warnings,
    GError ** error);

/* output.c: files are written under another name and renamed when they are whole; else they are
 * removed; a device or pipe is written as it is. The first appends a sink for item->out to the
 * element `last` of the pipeline, and runs it; the second writes these bytes, and has the disk keep
 * them. */
gboolean pipeline_write (GstElement * pipe, const char *last, Item * item,
    GPtrArray * warnings, GError ** error);
gboolean output_bytes (const char *out, const void *bytes, gsize size, GError ** error);

/* --- models.c: weight files --------------------------------------------------- */

typedef FinderModel Model;

/* Lists all weight files as finder_list(), and names the folders as finder_places(). */
GPtrArray *models_list (void);
char *models_places (void);

/* Returns the weights of an id, or NULL; owned by models.c. */
const Model *models_by_id (const char *id);

/* Returns the path of weights by file, name or the first 8 or more digits of their id; NULL for
 * NULL. Returns NULL and says so when there are none. */
const char *models_find (const char *name);

/* Returns the id of the weights that a .tlc file asks for; to be freed. NULL: none is told. */
char *models_id_of (const char *path);

/* --- scan.c: the content of a .tlc file ---------------------------------------- */

typedef struct
{
  gint64 samples;               /* heard in all */
  gint64 bytes;                 /* of the file */
  gint64 packets, missing;      /* there; holes */
  gint64 packet_bytes;
  gint64 refined, stages;       /* packets with refinement; sum of all stages */
  int most_stages;
  char *model_id;               /* NULL: not told */
  GstTagList *tags;             /* may be NULL */
  GPtrArray *damage;            /* char *, what the parser complained of */
} Scan;

/* Reads the packets of a file, without decoding. Returns FALSE and error when it is not a .tlc
 * file. scan_clear() comes after both. */
gboolean scan_file (const char *path, Scan * scan, GError ** error);
void scan_clear (Scan * scan);

/* Replaces the message of an error by a plainer one when the file is no .tlc file. */
GError *scan_explain (const char *path, GError * error);

/* Returns whether the file is a whole .tlc file without damage. */
gboolean scan_is_whole (const char *path);

G_END_DECLS
#endif
