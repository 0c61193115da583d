/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options.c - see options.h. */
#include "options.h"

#include "memory.h"
#include "telu.h"

#include <glib.h>
#include <gst/gst.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char summary[] =
    "Trains a TeluCodec network on a folder of speech and writes a weight file.\n"
    "\n"
    "  telucodec-train --data_dir speech --checkpoint_dir runs --experiment_name te\n"
    "\n"
    "reads every file below speech/ that GStreamer can decode (any rate, any number\n"
    "of channels) and keeps it in memory: 230 MB an hour. One folder per speaker\n"
    "lets it check itself on speakers that it does not learn from.";

static const char details[] =
    "Files in CHECKPOINT_DIR/EXPERIMENT_NAME: last.ckpt and best.ckpt (to go on from\n"
    "with --resume), metrics.csv (a line per epoch), model.safetensors (the weight\n"
    "file, written when training ends). Ctrl-C saves and ends; --resume goes on with\n"
    "exactly the numbers an uninterrupted run would have had.\n"
    "\n"
    "An epoch is as many random segments as the speech is long. Two hours of speech\n"
    "and one of computing on two cores give a first useful model; more of both give\n"
    "a better one. The learning rate falls to 2 % by the last epoch or, if that is\n"
    "sooner, by the end of --time_limit.\n"
    "\n"
    "Dashes and underscores mean the same in every option.";

/* --snake_case -> --kebab-case, up to the '='. */
static void dashes(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--"))
            return;
        if (strncmp(argv[i], "--", 2))
            continue;
        for (char *c = argv[i]; *c && *c != '='; c++)
            if (*c == '_')
                *c = '-';
    }
}

static struct telu_config preset(const char *name)
{
    struct telu_config c = telu_config_default();

    if (!strcmp(name, "default"))
        return c;
    if (strcmp(name, "tiny"))
        die("--preset is %s, expected default or tiny", name);
    c.enc_width = c.dec_width = 64;
    c.enc_blocks = c.dec_blocks = 2;
    c.latent = 32;
    c.codes = 64;
    for (int s = 0; s < c.stages; s++)
        c.dim[s] = 8;
    return c;
}

static void check(const struct options *o)
{
    if (!o->data_dir && !o->export_path)
        die("--data_dir is missing; --help tells more");
    if (!o->data_dir)
        die("--export fits integer tables to speech: it needs --data_dir as well");
    if (o->batch_size < 1 || o->batch_size > 4096)
        die("--batch_size is %d, expected 1 to 4096", o->batch_size);
    if (o->num_epochs < 0)
        die("--num_epochs is %d, expected 0 or more", o->num_epochs);
    if (!(o->learning_rate > 0.0 && o->learning_rate <= 1.0))
        die("--learning_rate is %g, expected above 0, up to 1", o->learning_rate);
    if (!(o->segment_seconds >= 0.2 && o->segment_seconds <= 60.0))
        die("--segment_seconds is %g, expected 0.2 to 60", o->segment_seconds);
    if (o->threads < 0 || o->threads > 1024)
        die("--threads is %d, expected 0 to 1024", o->threads);
    if (o->time_limit < 0.0)
        die("--time_limit is %g, expected 0 or more", o->time_limit);
}

void options_parse(struct options *o, int *argc, char ***argv)
{
    *o = (struct options){ .batch_size = 16, .num_epochs = 100, .seed = 1,
                           .learning_rate = 1e-3, .segment_seconds = 1.0 };
    GOptionEntry all[] = {
        { "data-dir", 0, 0, G_OPTION_ARG_FILENAME, &o->data_dir,
          "Folder of speech to learn from", "DIR" },
        { "valid-dir", 0, 0, G_OPTION_ARG_FILENAME, &o->valid_dir,
          "Folder of speech to check on (5 % of the speakers)", "DIR" },
        { "checkpoint-dir", 0, 0, G_OPTION_ARG_FILENAME, &o->checkpoint_dir,
          "Where experiments are kept (checkpoints)", "DIR" },
        { "experiment-name", 0, 0, G_OPTION_ARG_FILENAME, &o->experiment_name,
          "Folder of this experiment in there (telucodec)", "NAME" },
        { "batch-size", 0, 0, G_OPTION_ARG_INT, &o->batch_size,
          "Segments in a step (16)", "N" },
        { "num-epochs", 0, 0, G_OPTION_ARG_INT, &o->num_epochs,
          "Epochs in all (100)", "N" },
        { "learning-rate", 0, 0, G_OPTION_ARG_DOUBLE, &o->learning_rate,
          "Highest learning rate (0.001)", "X" },
        { "segment-seconds", 0, 0, G_OPTION_ARG_DOUBLE, &o->segment_seconds,
          "Length of a segment (1)", "X" },
        { "time-limit", 0, 0, G_OPTION_ARG_DOUBLE, &o->time_limit,
          "End training after so long (no limit)", "MINUTES" },
        { "preset", 0, 0, G_OPTION_ARG_STRING, &o->preset,
          "Size of the network: default (3.3 M parameters) or tiny", "NAME" },
        { "threads", 0, 0, G_OPTION_ARG_INT, &o->threads,
          "Threads (as many as cores)", "N" },
        { "seed", 0, 0, G_OPTION_ARG_INT, &o->seed,
          "Start of all chance (1)", "N" },
        { "resume", 0, 0, G_OPTION_ARG_NONE, &o->resume,
          "Go on from last.ckpt, where there is one", NULL },
        { "export", 0, 0, G_OPTION_ARG_FILENAME, &o->export_path,
          "Do not train: make this weight file from last.ckpt", "FILE" },
        { NULL, 0, 0, 0, NULL, NULL, NULL },
    };
    GOptionContext *ctx = g_option_context_new(NULL);
    GError *error = NULL;

    dashes(*argc, *argv);
    g_option_context_set_summary(ctx, summary);
    g_option_context_set_description(ctx, details);
    g_option_context_add_main_entries(ctx, all, NULL);
    g_option_context_add_group(ctx, gst_init_get_option_group());
    if (!g_option_context_parse(ctx, argc, argv, &error))
        die("%s; --help tells more", error->message);
    if (*argc > 1)
        die("what is %s? --help tells more", (*argv)[1]);
    g_option_context_free(ctx);
    if (!o->checkpoint_dir)
        o->checkpoint_dir = g_strdup("checkpoints");
    if (!o->experiment_name)
        o->experiment_name = g_strdup("telucodec");
    if (!o->preset)
        o->preset = g_strdup("default");
    check(o);
    o->config = preset(o->preset);
    if (o->threads == 0)
        o->threads = (int)g_get_num_processors();
}
