/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options.c - see options.h. */
#include "options.h"

#include "memory.h"
#include "telu.h"

#include <glib.h>
#include <gst/gst.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char summary[] =
    "Trains a TeluCodec network on a folder of speech and writes a weight file.\n"
    "\n"
    "  telucodec-train --data_dir speech --checkpoint_dir runs --experiment_name mine\n"
    "\n"
    "reads every file below speech/ that GStreamer can decode (any rate, any number\n"
    "of channels), 16 kHz mono, and keeps it in memory: 230 MB an hour. Files that\n"
    "cannot be decoded are named and left out. One folder per speaker lets it check\n"
    "itself on speakers that it does not learn from.";

static const char details[] =
    "What to do first:\n"
    "  --dry_run                how much speech there is, how long it will take\n"
    "  --init telucodec-te-16k  begins from the shipped weights: with less than an\n"
    "                           hour of speech better than from nothing\n"
    "\n"
    "Sizes (--preset): tiny, 0.2 M weights, to try things out; fast, 1 M; default,\n"
    "3.4 M, as shipped; large, 8.4 M, for days of speech and of computing.\n"
    "\n"
    "Files in CHECKPOINT_DIR/EXPERIMENT_NAME: last.ckpt and best.ckpt (to go on from\n"
    "with --resume), metrics.csv (a line per epoch), events.out.tfevents.* (the same\n"
    "as live curves: tensorboard --logdir CHECKPOINT_DIR), and when training ends\n"
    "model.safetensors (the weight file) and report.html (open it in a browser). Weights\n"
    "worse than those of --init, or than the best check, are not kept.\n"
    "\n"
    "Ctrl-C, SIGTERM or a closed terminal ends the step, saves; --resume goes on with just\n"
    "the numbers an uninterrupted run would have had (with --time_limit, which counts\n"
    "real time, nearly so). The speech is in memory: files may go while it is learnt.\n"
    "\n"
    "An epoch is as many random segments as the speech is long. Two hours of speech\n"
    "and one of computing on two cores give a first useful model; more of both give\n"
    "a better one. The learning rate falls to 2 % by the last epoch or, if that is\n"
    "sooner, by the end of --time_limit.\n"
    "\n"
    "On an NVIDIA GPU (--device cuda) batches of 256 and more take least time for a\n"
    "second of speech; --precision bf16 is faster, at the price of products rounded to\n"
    "8 bits. The shipped weights were made in five minutes with --batch_size 48\n"
    "--segment_seconds 1.5 --learning_rate 1.2e-3 --precision bf16, and in nine more with\n"
    "--init. The checks after an epoch run on the CPU, which --threads is for.\n"
    "\n"
    "On several GPUs or machines at once: mpirun -n 4 telucodec-train ..., a rank to a\n"
    "GPU, or to a share of the cores (mpirun --bind-to none). --batch_size is that of all\n"
    "ranks; the number of ranks may change with --resume. Send mpirun SIGUSR1 to save and\n"
    "end: after Ctrl-C it leaves its ranks a second.\n"
    "\n"
    "Dashes and underscores mean the same in every option.";

/* Turns --snake_case into --kebab-case, up to the '='. */
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

/* Decoders have at most five blocks and post-networks four: TELU_WARMUP depends on it. */
static struct telu_config preset(const char *name)
{
    struct telu_config c = telu_config_default();

    if (!strcmp(name, "default"))
        return c;
    if (!strcmp(name, "large")) {
        c.enc_width = 384;
        c.enc_blocks = 4;
        c.dec_width = 512;
    } else if (!strcmp(name, "fast")) {
        c.enc_width = 128;
        c.enc_blocks = 2;
        c.dec_width = 192;
        c.dec_blocks = 4;
    } else if (!strcmp(name, "tiny")) {
        c.enc_width = c.dec_width = 64;
        c.enc_blocks = c.dec_blocks = 2;
        c.latent = 32;
        c.codes = 64;
        for (int s = 0; s < c.stages; s++)
            c.dim[s] = 8;
    } else {
        die("--preset is %s, expected tiny, fast, default or large", name);
    }
    return c;
}

/* A preset's post-network; TELU_WARMUP depends on its blocks, see above. */
static struct telu_postnet_config postnet_preset(const char *name)
{
    if (!strcmp(name, "large"))
        return (struct telu_postnet_config){ 384, 4 };
    if (!strcmp(name, "fast"))
        return (struct telu_postnet_config){ 128, 3 };
    if (!strcmp(name, "tiny"))
        return (struct telu_postnet_config){ 32, 2 };
    return (struct telu_postnet_config){ 256, 4 };
}

static void check_device(const struct options *o)
{
    if (strcmp(o->device, "auto") && strcmp(o->device, "cpu") &&
        strcmp(o->device, "cuda"))
        die("--device is %s, expected auto, cpu or cuda", o->device);
    if (strcmp(o->precision, "fp32") && strcmp(o->precision, "bf16"))
        die("--precision is %s, expected fp32 or bf16", o->precision);
    if (!strcmp(o->device, "cpu") && !strcmp(o->precision, "bf16"))
        die("--precision is bf16, which --device cpu does not train in: expected fp32");
}

static void check_pack(const struct options *o)
{
    if (!o->pack)
        return;
    if (!o->export_path)
        die("--pack %s wants --export FILE, the weight file to make", o->pack);
    if (o->init || o->evaluate || o->resume || o->dry_run || o->postnet)
        die("--pack changes no weights: leave --init, --evaluate, --resume, --dry_run and "
            "--postnet out");
    if (o->licence || o->language)
        die("--pack keeps the texts of %s: leave --licence and --language out", o->pack);
}

static void check(const struct options *o)
{
    check_pack(o);
    if (!o->data_dir && !o->pack && !(o->evaluate && o->valid_dir))
        die("--data_dir is missing; --help tells more");
    if (!!o->evaluate + !!o->export_path + o->dry_run > 1)
        die("--evaluate, --export and --dry_run are three things to do: give one");
    if (o->batch_size < 1 || o->batch_size > 4096)
        die("--batch_size is %d, expected 1 to 4096", o->batch_size);
    if (o->num_epochs < 1)
        die("--num_epochs is %d, expected 1 or more", o->num_epochs);
    if (!(o->learning_rate > 0.0 && o->learning_rate <= 1.0))
        die("--learning_rate is %g, expected above 0, up to 1", o->learning_rate);
    if (!(o->segment_seconds >= 0.2 && o->segment_seconds <= 60.0))
        die("--segment_seconds is %g, expected 0.2 to 60", o->segment_seconds);
    if (o->postnet < 0)
        die("--postnet is %d, expected 0 or more steps", o->postnet);
    if (o->threads < 0 || o->threads > 1024)
        die("--threads is %d, expected 0 to 1024", o->threads);
    if (!(o->time_limit >= 0.0))
        die("--time_limit is %g, expected 0 or more", o->time_limit);
    if (o->licence && !g_utf8_validate(o->licence, -1, NULL))
        die("--licence is not UTF-8");
    if (o->language && !g_utf8_validate(o->language, -1, NULL))
        die("--language is not UTF-8");
    check_device(o);
}

/* Accepts the only legal rate, for scripts that name it; any other is an error. */
static gboolean check_rate(const char *name, const char *value, void *data, GError **error)
{
    (void)name;
    (void)data;
    (void)error;
    if (g_ascii_strtod(value, NULL) != TELU_RATE)
        die("--sample_rate is %s: it is fixed at %d; recordings of any rate are resampled "
            "to it", value, TELU_RATE);
    return TRUE;
}

static void set_default(char **option, const char *value)
{
    if (!*option)
        *option = g_strdup(value);
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
        { "repeat", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->repeat,
          "See speakers whose folder matches N times as often ('te-*=4')", "GLOB=N" },
        { "checkpoint-dir", 0, 0, G_OPTION_ARG_FILENAME, &o->checkpoint_dir,
          "Where experiments are kept (checkpoints)", "DIR" },
        { "experiment-name", 0, 0, G_OPTION_ARG_FILENAME, &o->experiment_name,
          "Folder of this experiment in there (telucodec)", "NAME" },
        { "batch-size", 0, 0, G_OPTION_ARG_INT, &o->batch_size,
          "Segments in a step, of all ranks together (16)", "N" },
        { "num-epochs", 0, 0, G_OPTION_ARG_INT, &o->num_epochs,
          "Epochs in all (100)", "N" },
        { "learning-rate", 0, 0, G_OPTION_ARG_DOUBLE, &o->learning_rate,
          "Highest learning rate (0.001)", "X" },
        { "segment-seconds", 0, 0, G_OPTION_ARG_DOUBLE, &o->segment_seconds,
          "Length of a segment (1)", "X" },
        { "time-limit", 0, 0, G_OPTION_ARG_DOUBLE, &o->time_limit,
          "End training after so long (no limit)", "MINUTES" },
        { "preset", 0, 0, G_OPTION_ARG_STRING, &o->preset,
          "Size of the network: tiny, fast, default or large", "NAME" },
        { "init", 0, 0, G_OPTION_ARG_FILENAME, &o->init,
          "Begin from this weight file, or shipped one by name", "FILE" },
        { "resume", 0, 0, G_OPTION_ARG_NONE, &o->resume,
          "Go on from last.ckpt, where there is one", NULL },
        { "dry-run", 0, 0, G_OPTION_ARG_NONE, &o->dry_run,
          "Print what would be done and how long it would take; write nothing", NULL },
        { "quiet", 'q', 0, G_OPTION_ARG_NONE, &o->quiet,
          "Print only what went wrong", NULL },
        { "json", 0, 0, G_OPTION_ARG_NONE, &o->json,
          "Print a JSON object a line: progress, epochs, figures, verdict", NULL },
        { "evaluate", 0, 0, G_OPTION_ARG_FILENAME, &o->evaluate,
          "Do not train: measure this weight file on the speech", "FILE" },
        { "export", 0, 0, G_OPTION_ARG_FILENAME, &o->export_path,
          "Do not train: make this weight file from last.ckpt, or from --init", "FILE" },
        { "pack", 0, 0, G_OPTION_ARG_FILENAME, &o->pack,
          "With --export: make it of this one's integers: smaller, the same packets and sound",
          "FILE" },
        { "postnet", 0, 0, G_OPTION_ARG_INT, &o->postnet,
          "Then train a post-network of the preset's size so many steps (0)", "STEPS" },
        { "licence", 0, 0, G_OPTION_ARG_STRING, &o->licence,
          "Of the weights; stands in the weight file", "TEXT" },
        { "language", 0, 0, G_OPTION_ARG_STRING, &o->language,
          "Of the speech, as 'Telugu'; stands in the weight file", "TEXT" },
        { "device", 0, 0, G_OPTION_ARG_STRING, &o->device,
          "auto (CUDA where it can be had), cpu or cuda", "NAME" },
        { "precision", 0, 0, G_OPTION_ARG_STRING, &o->precision,
          "Of the network's products on CUDA: fp32 or bf16 (fp32)", "NAME" },
        { "sample-rate", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_CALLBACK,
          (void *)check_rate, NULL, NULL },
        { "threads", 0, 0, G_OPTION_ARG_INT, &o->threads,
          "Threads of each rank (as many as it has cores)", "N" },
        { "seed", 0, 0, G_OPTION_ARG_INT, &o->seed,
          "Seed of all random numbers (1)", "N" },
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
    setlocale(LC_NUMERIC, "C");        /* GStreamer set the user's locale, but files need decimal
                                        * points */
    o->preset_given = o->preset != NULL;
    set_default(&o->checkpoint_dir, "checkpoints");
    set_default(&o->experiment_name, "telucodec");
    set_default(&o->preset, "default");
    set_default(&o->device, "auto");
    set_default(&o->precision, "fp32");
    check(o);
    o->config = preset(o->preset);
    o->postnet_config = postnet_preset(o->preset);
}

static void add(char *text, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void add(char *text, size_t size, const char *fmt, ...)
{
    size_t used = strlen(text);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text + used, size - used, fmt, ap);
    va_end(ap);
}

static void add_folder(char *text, size_t size, const char *name, const char *path)
{
    char *base = path ? g_path_get_basename(path) : NULL;

    if (base)
        add(text, size, " --%s %s", name, base);
    g_free(base);
}

void options_text(const struct options *o, char *text, size_t size)
{
    snprintf(text, size, "telucodec-train");
    add_folder(text, size, "data_dir", o->data_dir);
    add_folder(text, size, "valid_dir", o->valid_dir);
    for (char **r = o->repeat; r && *r; r++)
        add(text, size, " --repeat '%s'", *r);
    add(text, size, " --batch_size %d --num_epochs %d --learning_rate %g "
        "--segment_seconds %g --seed %d --threads %d", o->batch_size, o->num_epochs,
        o->learning_rate, o->segment_seconds, o->seed, o->threads);
    if (o->time_limit > 0.0)
        add(text, size, " --time_limit %g", o->time_limit);
    if (!strcmp(o->precision, "bf16"))
        add(text, size, " --precision bf16");
    if (o->postnet)
        add(text, size, " --postnet %d", o->postnet);
    if (o->init)
        add_folder(text, size, "init", o->init);
    else
        add(text, size, " --preset %s", o->preset);
}
