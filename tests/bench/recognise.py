# SPDX-License-Identifier: LGPL-2.1-or-later
"""recognise.py - what a recogniser makes of decoded speech (pip install pocketsphinx; its English
model comes with it).

errors(x, y) is the edit distance between what is recognised in y and in the original x, in percent
of the latter: by phones, whose loop knows no words and so serves any language, or by English
words. No transcript is needed, and the recogniser's own mistakes cancel, as far as it repeats them.
"""
import functools

import numpy as np
import pocketsphinx

RATE = 16000


def recogniser(phones):
    model = pocketsphinx.get_model_path
    if phones:
        return pocketsphinx.Decoder(allphone=model('en-us/en-us-phone.lm.bin'), lm=None, lw=2.0,
                                    pip=0.3, beam=1e-20, pbeam=1e-20, loglevel='FATAL')
    return pocketsphinx.Decoder(samprate=RATE, loglevel='FATAL')


def distance(a, b):
    """Levenshtein distance of two lists."""
    row = np.arange(len(b) + 1)
    for i, u in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, v in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (u != v))
    return int(row[-1])


def errors(phones):
    decoder = recogniser(phones)
    silent = {'SIL', '<s>', '</s>', '<sil>', '[NOISE]', '+NSN+', '+SPN+', '[SPEECH]'}

    @functools.lru_cache(maxsize=4096)
    def heard(pcm):
        decoder.start_utt()
        decoder.process_raw(pcm, full_utt=True)
        decoder.end_utt()
        return [s.word.split('(')[0] for s in decoder.seg() or [] if s.word not in silent]

    def text(x):
        return heard((np.clip(x, -1, 1) * 32767).astype('<i2').tobytes())

    def measure(x, y):
        return 100 * distance(text(x), text(y)) / max(1, len(text(x)))
    return measure
