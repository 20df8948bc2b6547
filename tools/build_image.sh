#!/bin/bash
# SPDX-License-Identifier: Apache-2.0

# Build the container image of all services; see --help.

set -euo pipefail
# shellcheck source=tools/functions.sh
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"

usage() {
    cat << 'END'
usage: tools/build_image.sh [--base IMAGE] [--wheel FILE] [ARCHIVE]

Build the container image of all services from etc/container/Containerfile, and
write it to ARCHIVE, by default dist/energy-meter.oci.tar. No registry is
needed: the base is a new Debian 12, which debootstrap installs.

  --base IMAGE  base image, such as docker.io/library/debian:bookworm-slim,
                which is pulled from its registry
  --wheel FILE  wheel of a release; by default, that of the last commit is
                built
  --help, -h    show this text

Needs root, 2 GB of disk space and five minutes; installs the programs that it
needs. To load the image, run: podman load --input ARCHIVE
END
}

image=localhost/energy-meter:latest
debian=localhost/debian:bookworm
certificates=/etc/ssl/certs/ca-certificates.crt
base=
wheel=
archive=$checkout/dist/energy-meter.oci.tar
work=

clean_up() {
    [[ -z $work ]] || rm -rf --one-file-system "$work"
}
trap clean_up EXIT

parse() {
    while [[ $# -gt 0 ]]; do
        case $1 in
            --help | -h)
                usage
                exit
                ;;
            --base)
                base=${2:?--base needs an image}
                shift
                ;;
            --wheel)
                wheel=${2:?--wheel needs a file}
                shift
                ;;
            -*) die "unknown option $1; see --help" ;;
            *) archive=$1 ;;
        esac
        shift
    done
}

install_programs() {
    local name missing=()
    for name in buildah debootstrap git; do
        command -v "$name" > /dev/null || missing+=("$name")
    done
    [[ -e $certificates ]] || missing+=(ca-certificates)
    find_python > /dev/null || missing+=(python3-venv)
    [[ ${#missing[@]} -eq 0 ]] || install_packages "${missing[@]}"
}

# Images and containers of other users of the machine stay as they are. This
# driver and chroot work in containers and virtual machines, too.
separate_storage() {
    printf '%s\n' '[storage]' 'driver = "vfs"' \
        "graphroot = \"$work/storage\"" "runroot = \"$work/run\"" \
        > "$work/storage.conf"
    export CONTAINERS_STORAGE_CONF=$work/storage.conf
    export BUILDAH_ISOLATION=chroot
}

make_context() {
    mkdir "$work/context"
    "$(find_python)" -m venv "$work/venv"
    if [[ $wheel ]]; then
        cp "$wheel" "$work/context/"
    else
        say 'Building a wheel of the last commit'
        let_pbr_find_a_version
        git clone --quiet "$checkout" "$work/source"
        "$work/venv/bin/pip" wheel --quiet --no-deps \
            --wheel-dir "$work/context" "$work/source"
    fi
    # The index and the certificates of this machine, for the build only.
    cp "$certificates" "$work/context/"
    {
        echo '[global]'
        echo 'cert = /build/context/ca-certificates.crt'
        "$work/venv/bin/pip" config list | sed --quiet \
            "s/^\(global\|:env:\)\.index-url='\(.*\)'$/index-url = \2/p" |
            head --lines=1
    } > "$work/context/pip.conf"
}

# The image of Debian without a registry, and without the documentation.
make_base() {
    local root=$work/debian mirror=http://deb.debian.org path
    say 'Installing a new Debian 12'
    debootstrap --variant=minbase bookworm "$root" "$mirror/debian" \
        > "$work/debootstrap.log" ||
        die "debootstrap failed: $(tail -n 3 "$work/debootstrap.log")"
    printf '%s\n' "deb $mirror/debian bookworm main" \
        "deb $mirror/debian bookworm-updates main" \
        "deb $mirror/debian-security bookworm-security main" \
        > "$root/etc/apt/sources.list"
    for path in /usr/share/{doc,info,locale,man}; do
        echo "path-exclude $path/*" >> "$root/etc/dpkg/dpkg.cfg.d/no-documents"
        rm -rf "${root:?}$path"/*
    done
    rm -rf "$root"/var/{cache/apt,lib/apt/lists,log}/*
    tar --create --directory="$root" --file="$work/debian.tar" .
    rm -rf --one-file-system "$root"
    printf '%s\n' 'FROM scratch' 'ADD debian.tar /' > "$work/Debian"
    buildah build --quiet --tag "$debian" --file "$work/Debian" "$work" \
        > "$work/base.log" 2>&1 || die "$(tail -n 20 "$work/base.log")"
    base=$debian
}

build() {
    local version
    version=$(basename "$work"/context/*.whl)
    version=${version#energy_meter-}
    version=${version%%-*}
    say "Building the image of energy_meter $version"
    buildah build --quiet --format oci --build-arg BASE="$base" \
        --build-arg VERSION="$version" --tag "$image" \
        --file "$checkout/etc/container/Containerfile" "$work/context" \
        > "$work/build.log" 2>&1 || die "$(tail -n 20 "$work/build.log")"
    mkdir --parents "$(dirname "$archive")"
    rm -f "$archive"
    buildah push --quiet "$image" "oci-archive:$archive:$image"
}

parse "$@"
[[ $EUID -eq 0 ]] || die 'only root can build the image'
install_programs
work=$(mktemp --directory)
separate_storage
make_context
[[ $base ]] || make_base
build
say "Wrote $archive, $(du --apparent-size --block-size=MB "$archive" |
    cut --fields=1)"
