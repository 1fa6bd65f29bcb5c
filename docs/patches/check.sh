#!/usr/bin/env bash
# What it takes to add something is what the patches here show: each applies to the tree as it is, touches no more files than it
# says, and compiles.
set -euo pipefail
cd "$(dirname "$0")/../.."

root=$PWD
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

for patch in docs/patches/*.patch; do
    rm -rf "$copy/tree" && mkdir "$copy/tree"
    git ls-files -z | xargs -0 cp --parents -t "$copy/tree"
    most=$(sed -n 's/^At most \([0-9]*\) files\.$/\1/p' "$patch")
    touched=$(git apply --numstat "$patch" | wc -l)
    [ "$touched" -le "$most" ] || { echo "$patch touches $touched files, and at most $most are allowed"; exit 1; }
    (cd "$copy/tree" && git apply "$root/$patch")
    cargo check --locked --manifest-path "$copy/tree/Cargo.toml" --target-dir target/patches -p resilience-runtime --all-features
    echo "$patch applies, touches $touched files and compiles"
done
