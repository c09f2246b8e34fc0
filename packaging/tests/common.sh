# Sourced by the tests of the packages: what they make first, which stays in $cache for the next run.
# They set root, work (a folder of their own) and cache before.
# shellcheck shell=bash
PYTHON=${PYTHON:-python3}
readonly CANNOT=77 # as tests say that they cannot run here

now() { date +%s.%N; }

timed() { # name, command
    local name=$1 began
    began=$(now)
    shift
    "$@"
    printf '%-34s %6.1f s\n' "$name" "$("$PYTHON" -c "print($(now) - $began)")"
}

cannot() { echo "cannot run here: $*" >&2; exit $CANNOT; }

need() { # programs
    [ "$(id -u)" = 0 ] || cannot "this is not root"
    for program in "$@"; do
        command -v "$program" >/dev/null || cannot "$program is not installed"
    done
}

need_libraries() { # what build gets them with
    command -v "${UV:-uv}" >/dev/null || "$PYTHON" -m pip --version >/dev/null 2>&1 ||
        cannot "neither pip nor uv is installed"
}

source_of() { # commit or "schema" (the last one before the newest migration), folder: lays its source there
    local commit=$1 newest
    if [ "$commit" = schema ]; then
        newest=$(git -C "$root" log -1 --format=%H --diff-filter=A -- '*/migrations/0*.py' 2>/dev/null) || return 1
        commit=$newest^
    fi
    git -C "$root" cat-file -e "$commit:packaging/deb/build" 2>/dev/null || return 1
    git clone -q --shared --no-checkout "$root" "$2"
    git -C "$2" checkout -q --detach "$(git -C "$root" rev-parse "$commit")"
    echo "what is upgraded: $(git -C "$2" log -1 --format='%h, %s')"
}

libraries() { # source, architecture: the folder with its libraries
    local stamp tree draft
    stamp=$(cd "$1" && cat requirements.lock requirements.txt packaging/deb/runtime_tree.py | sha256sum)
    tree=$cache/libraries-$2-${stamp:0:16}
    if [ ! -e "$tree" ]; then
        draft=$(mktemp -d "$cache/.libraries.XXXXXX")
        "$PYTHON" "$1/packaging/deb/runtime_tree.py" --arch "$2" "$draft/tree" >&2
        mv -T "$draft/tree" "$tree" 2>/dev/null || [ -e "$tree" ] # of another run at the same time
        rm -rf "$draft"
    fi
    echo "$tree"
}

build_from() { # source, folder for the packages, options of build
    local tree
    tree=$(libraries "$1" amd64)
    "$1/packaging/deb/build" --fast --tree "$tree" --output "${@:2}"
}

version_of() { sed -n 's/^VERSION = "\(.*\)"$/\1/p' "$1/appliance/version.py"; }

build_both() { # commit, "schema" or "same": packages of this source in new/, and what they upgrade in old/
    local old=$work/source version before
    version=$(version_of "$root")
    if [ "$1" = same ] || ! source_of "$1" "$old"; then
        [ "$1" = same ] || [ "$1" = schema ] || { echo "$1 is no commit with packages" >&2; exit 2; }
        echo "what is upgraded: the same with a lower version"
        old=$root
    fi
    before=$(version_of "$old")
    dpkg --compare-versions "$before" lt "$version" || before=$version~1
    build_from "$root" "$work/new" >"$work/build.log" 2>&1 &&
        build_from "$old" "$work/old" --version "$before" >>"$work/build.log" 2>&1 ||
        { tail -n 20 "$work/build.log" >&2; exit 1; }
}

system() { # suite, name, packages: the archive of a system with these packages
    local archive=$cache/$1-$2.tar draft mirror=() key=/usr/share/keyrings/ubuntu-archive-keyring.gpg
    if [ "$1" = noble ]; then # known to few Debians; what is made with it is thrown away
        mirror=("deb [$([ -e $key ] && echo "signed-by=$key" || echo trusted=yes)] http://archive.ubuntu.com/ubuntu noble main universe")
    fi
    if [ ! -e "$archive" ]; then
        draft=$(mktemp -d "$cache/.system.XXXXXX")
        mmdebstrap --quiet --variant=minbase --include="$3" "$1" "$draft/system.tar" "${mirror[@]}" >"$work/system.log" 2>&1 ||
            { rm -rf "$draft"; tail -n 5 "$work/system.log" >&2; cannot "no system could be made of $1"; }
        mv "$draft/system.tar" "$archive"
        rm -rf "$draft"
    fi
}

# What the packages depend on: a chroot without a network cannot fetch it.
readonly DEPENDENCIES=python3,libstdc++6,ca-certificates,debconf,adduser,media-types,tzdata
