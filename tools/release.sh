#!/bin/bash
# SPDX-License-Identifier: Apache-2.0

# Build and verify the files of a release; see --help.

set -euo pipefail
# shellcheck source=tools/functions.sh
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"

usage() {
    cat << 'END'
usage: tools/release.sh [--dry-run] [--venv DIR] VERSION

Check that the current commit can be released as VERSION, such as 1.0.0 or
1.1.0.0rc1. Build its sdist and its wheel, with manual pages and samples of the
configuration, verify what they contain, and print what remains to be done by
hand. Nothing is published.

  --dry-run    do the same before the tag exists, and keep no file
  --venv DIR   virtual environment that has the packages of
               doc/requirements.txt, pbr and energy_meter; by default,
               .venv-release, which is created
  --help, -h   show this text

The files are written to dist. doc/source/contributor/releasing.rst describes
all steps of a release.
END
}

version=
venv=
is_dry_run=false
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
            --dry-run) is_dry_run=true ;;
            --venv)
                venv=${2:?--venv needs a directory}
                shift
                ;;
            -*) die "unknown option $1; see --help" ;;
            *)
                [[ -z $version ]] || die 'only one version can be released'
                version=$1
                ;;
        esac
        shift
    done
    [[ $version ]] || die 'which version? See --help'
    [[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(\.0(a|b|rc)[0-9]+)?$ ]] ||
        die "$version is not a version such as 1.0.0 or 1.1.0.0rc1"
}

git_here() {
    git -C "$checkout" "$@"
}

check_tree() {
    local changes
    changes=$(git_here status --porcelain) || die 'this is not a git checkout'
    [[ -z $changes ]] || die "commit or remove these files first:
$changes"
}

# The version comes from the tag. An annotated tag has an author, a date and,
# if it is signed, a signature.
check_tag() {
    local tag=refs/tags/$version
    if ! git_here rev-parse --quiet --verify "$tag" > /dev/null; then
        "$is_dry_run" || die "there is no tag $version; create it with:
git tag --sign --message 'energy_meter $version' $version"
        return
    fi
    [[ $(git_here cat-file -t "$tag") == tag ]] ||
        die "the tag $version is not annotated; use git tag --sign"
    [[ $(git_here rev-parse "$tag^{commit}") == \
        "$(git_here rev-parse HEAD)" ]] ||
        die "the tag $version is not that of the current commit"
}

check_notes() {
    local notes=releasenotes/notes previous added
    "$venv/bin/reno" --quiet lint "$checkout" ||
        die "correct the release notes in $notes"
    previous=$(git_here describe --abbrev=0 --exclude "$version" \
        2> /dev/null) || return 0
    added=$(git_here diff --name-only "$previous" HEAD -- "$notes")
    [[ $added ]] || die "no release note was added since $previous"
}

# Build in a clone: what earlier builds left in the checkout would get into the
# wheel. The wheel is built from the sdist, as by those who get only that.
build() {
    local source=$work/source python=$venv/bin/python
    git clone --quiet "$checkout" "$source"
    if "$is_dry_run"; then
        git -C "$source" -c tag.gpgSign=false \
            -c user.name=release -c user.email=release@localhost \
            tag --force --message 'Dry run' "$version"
    fi
    cd "$source"
    say 'Building the manual pages and the samples of the configuration'
    PYTHONPATH=$source "$python" -W ignore -m sphinx -W -q -b man \
        doc/source doc/build/man
    say 'Building the sdist'
    # pip builds no sdist, so call the build backend of pyproject.toml.
    "$python" -c "from pbr import build; build.build_sdist('$work/dist')" \
        > "$work/build.log" 2>&1 || die "$(tail -n 20 "$work/build.log")"
    say 'Building the wheel'
    "$python" -m pip wheel --quiet --no-deps --no-build-isolation --no-index \
        --wheel-dir "$work/dist" "$work"/dist/*.tar.gz
    say 'Verifying them'
    git ls-files | "$python" tools/check_release.py "$version" "$work/dist"
}

print_remaining_steps() {
    # dist may contain candidates, whose names begin alike.
    local files="dist/energy_meter-$version{.tar.gz,-py3-none-any.whl}"
    echo 'What remains to be done by hand:'
    echo
    if "$is_dry_run"; then
        echo "\
git tag --sign --message 'energy_meter $version' $version
tools/release.sh $version"
    fi
    echo "\
twine check --strict $files
git push REMOTE $version
twine upload $files
tox -e docs,api-ref,releasenotes
    Publish the pages that this builds.
reno report --version $version
    Announce the release with these notes."
}

parse "$@"
check_tree
check_tag
if [[ $venv ]]; then
    venv=$(realpath "$venv")
else
    let_pbr_find_a_version
    venv=$checkout/.venv-release
    make_venv "$venv" default \
        --requirement "$checkout/doc/requirements.txt" 'setuptools>=70.1' \
        --editable "$checkout"
fi
check_notes
work=$(mktemp --directory)
mkdir "$work/dist"
build
if "$is_dry_run"; then
    say "$version can be built; nothing was kept"
else
    mkdir --parents "$checkout/dist"
    cp "$work"/dist/* "$checkout/dist/"
    cd "$checkout"
    sha256sum "dist/energy_meter-$version"{.tar.gz,-py3-none-any.whl}
fi
print_remaining_steps
