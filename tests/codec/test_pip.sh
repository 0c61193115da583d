#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test_pip.sh PYTHON TREE LIBRARY WEIGHTS VERSION - pip makes a wheel of kernels/python that holds
# the whole package under the project's version and works where it is installed.
set -u
python=$1 tree=$2 library=$3 weights=$4 version=$5
fail() { echo "pip: $*"; exit 1; }

# able PYTHON: it builds wheels; setuptools of 70.1 or more needs no wheel package. pip, when
# loaded first, keeps setuptools from loading.
able() {
    "$1" -c 'import setuptools, numpy, pip
have = [int(word) for word in setuptools.__version__.split(".")[:2]]
assert have >= [61, 0]
if have < [70, 1]:
    import wheel' 2>/dev/null
}
able "$python" || python=python3
able "$python" ||
    { echo "pip: neither $1 nor python3 has pip, numpy, setuptools >= 61 and wheel"; exit 77; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cp -R "$tree/kernels/python" "$dir/source" || exit 1
"$python" -m pip install --quiet --no-index --no-build-isolation --no-deps \
    --disable-pip-version-check --target "$dir/site" "$dir/source" >"$dir/log" 2>&1 ||
    { cat "$dir/log"; fail "pip install failed"; }
[ -d "$dir/site/telucodec-$version.dist-info" ] || fail "no $version, but $(ls "$dir/site")"
there=$(cd "$dir/site/telucodec" && ls ./*.py)
[ "$there" = "$(cd "$tree/kernels/python/telucodec" && ls ./*.py)" ] || fail "holds" $there
said=$(cd "$dir" && env -u PYTHONPATH TELUCODEC_LIBRARY="$library" PYTHONPATH="$dir/site" \
    "$python" -c "import sys, telucodec
print(telucodec.__version__, telucodec.version(),
      len(telucodec.encode([0.5] * 1000, sys.argv[1])), telucodec.__file__)" "$weights") ||
    fail "the installed package does not work"
[ "$said" = "$version $version 4 $dir/site/telucodec/__init__.py" ] || fail "it says $said"
echo "pip: $said"
