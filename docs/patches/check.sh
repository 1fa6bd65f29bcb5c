#!/usr/bin/env bash
# What it takes to add something is what the patches here show: each applies to the tree as it is, touches no more files than it
# says, and compiles. Where it says that none of them can be left out, leaving out any one of them does not compile.
set -euo pipefail
cd "$(dirname "$0")/../.."

root=$PWD
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

# The tree with a patch, but for the changes that these arguments of `git apply` leave out.
patched() {
    rm -rf "$copy/tree" && mkdir "$copy/tree"
    git ls-files -z | xargs -0 cp --parents -t "$copy/tree"
    (cd "$copy/tree" && git apply "${@:2}" "$root/$1")
}

compiles() {
    cargo check "$@" --locked --manifest-path "$copy/tree/Cargo.toml" --target-dir target/patches -p resilience-runtime --all-features
}

for patch in docs/patches/*.patch; do
    most=$(sed -n 's/^At most \([0-9]*\) files\.$/\1/p' "$patch")
    touched=$(git apply --numstat "$patch" | wc -l)
    [ "$touched" -le "$most" ] || { echo "$patch touches $touched files, and at most $most are allowed"; exit 1; }
    patched "$patch"
    compiles
    echo "$patch applies, touches $touched files and compiles"
    grep -q '^None of them can be left out\.$' "$patch" || continue
    git apply --numstat "$patch" | cut -f 3 | while read -r file; do
        patched "$patch" --exclude="$file"
        ! compiles --quiet 2> /dev/null || { echo "$patch compiles without $file"; exit 1; }
    done
    echo "$patch needs each of its files"
done
