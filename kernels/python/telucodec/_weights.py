# SPDX-License-Identifier: LGPL-2.1-or-later
"""Finds weight files by name or id, where the program telucodec looks for them."""
import json
import os
import sys

DEFAULT = "telucodec-te-16k"
EXTENSION = ".safetensors"
MOST_HEADER = 1 << 20          # bytes


def folders():
    """Lists the folders of weight files, the first one to look into first."""
    home = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    system = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    found = [f for f in os.environ.get("TELUCODEC_MODEL_PATH", "").split(":") if f]
    for data in [home, os.path.join(sys.prefix, "share")] + system.split(":"):
        found.append(os.path.join(data, "telucodec"))
    return list(dict.fromkeys(found))


def read_id(path):
    """Returns the id in the head of a weight file, None where there is none."""
    try:
        with open(path, "rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if size > MOST_HEADER:
                return None
            model_id = json.loads(file.read(size))["__metadata__"]["model_id"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return model_id if isinstance(model_id, str) else None


def find(name=None):
    """Returns the path of the weights NAME: a file, the name of installed weights, or the first
    8 or more digits of their id. None: TELUCODEC_MODEL, else the shipped weights."""
    name = os.fspath(name or os.environ.get("TELUCODEC_MODEL") or DEFAULT)
    if os.sep in name or name.endswith(EXTENSION) or os.path.isfile(name):
        return name                # libtelu says what is wrong with it
    for folder in folders():
        path = os.path.join(folder, name + EXTENSION)
        if os.path.isfile(path):
            return path
    for folder in folders() if len(name) >= 8 else []:
        files = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        for path in [os.path.join(folder, f) for f in files if f.endswith(EXTENSION)]:
            if (read_id(path) or "").startswith(name):
                return path
    raise FileNotFoundError("%s is neither a file nor the name or id of weights in %s; "
                            "telucodec models add FILE installs weights"
                            % (name, ", ".join(folders())))
