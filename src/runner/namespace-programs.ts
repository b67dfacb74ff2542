import { LISTING_FORMAT } from './listing.ts'

/**
 * What the namespace runner does inside its namespaces, as bash programs: only
 * a program in there can mount, unpack with owners and list.
 *
 * Nothing is made on the machine's own disks: `/tmp`, a folder that every Linux
 * has, is covered by a file system in memory, in a mount table of our own:
 *
 * - `/tmp/store`: the store as the script is to see it
 * - `/tmp/root`: the tree that the script changes
 * - `/tmp/list`: the same without what is mounted in it
 * - `/tmp/view`: the root that a script with the programs of this machine sees
 * - `/tmp/dev`: what becomes its `/dev`
 * - `/tmp/control`: two pipes, to wait for each other
 */

/** File systems take the time from a clock that moves up to a hundred times a second. */
const CLOCK_STEP_US = 20_000

const FUNCTIONS = `
# Makes everything mounted at and below a folder read-only.
read_only() {
  local points=() point
  while read -r _ _ _ _ point _; do
    printf -v point %b "$point"
    case $point in "$1"|"$1"/*) points+=("$point") ;; esac
  done < /proc/self/mountinfo
  for point in "\${points[@]}"; do mount -o remount,bind,ro "$point"; done
}
`

/**
 * First, with the right to reach every store path: shows them in `/tmp/store`.
 *
 * Arguments: an empty folder, and a program that takes over. Standard input has
 * the binds: kind, name and source in turn, each ended by a NUL.
 */
export const STORE_PROGRAM: string = `
set -e -o pipefail
${FUNCTIONS}
umask 022
area=$1
shift
mount -t tmpfs -o mode=0755 none "$area"
mkdir "$area"/{store,root,list,view,dev,control}
while IFS= read -r -d '' kind && IFS= read -r -d '' name && IFS= read -r -d '' source; do
  target=$area/store/$name
  case $kind in
    all) mount --rbind "$source" "$area/store" ;;
    directory) mkdir "$target"; mount --bind "$source" "$target" ;;
    file) : > "$target"; mount --bind "$source" "$target" ;;
    symlink) ln -s "$source" "$target" ;;
  esac
done
read_only "$area/store"
# What is bound may be below /tmp, so that it is covered only now.
mount -n --move "$area" /tmp
exec "$@"
`

/**
 * Starts a program as the first process of a new process namespace, and keeps
 * none of its descriptors: their end is how a reader knows that all is written.
 */
export const FIRST_PROGRAM: string = `
"$@" &
exec 3<&- 4<&- 5<&- 6>&- 7>&- 8<&- 9>&- 10>&- 11<&- 12>&- 13<&- 14<&- > /dev/null 2>&1
wait "$!"
`

/**
 * Then, as root of the user namespace, which has no rights outside: unpacks the
 * tree, runs the script, lists what is there, and gives the contents of files
 * it is asked for.
 *
 * Arguments: the view, the store's folder, how many store paths are shown, the static bash and busybox of this machine
 * or nothing, the program that becomes the script, the script's name and options. What is told of the trees comes
 * later, so that all is set up when they are there. File descriptors:
 *
 * - 3: the base as a tar; or half of its files, 13: the other half, and 14: its folders; 4: what is laid over it; 5: what goes into `/dev`
 * - 6: the listing of the base, where there is one, some of what is laid over it among it; 7: the one after it
 * - 8: a line with options of the tree's file system, a pattern of names in the base that are left out, and how many
 *   tars there are of the base; then names whose contents are wanted, ended by NULs
 * - 9: their contents, one behind the other
 * - 10: how the script ended: status, free blocks, free inodes
 * - 11: ends when nobody waits for the result any more
 * - 12: where the script joins a control group
 */
export const TREE_PROGRAM: string = `
set -e -o pipefail
${FUNCTIONS}
view=$1 store=$2 shown=$3 static_bash=$4 static_busybox=$5 program=$6
script_path=$PATH PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export script_path
shift 6
umask 022
shopt -s nullglob dotglob
{ cat <&11 > /dev/null; kill -KILL -1; } 3<&- 4<&- 5<&- 6>&- 7>&- 8<&- 9>&- 10>&- 12>&- 13<&- 14<&- > /dev/null 2>&1 &
exec 11<&-

unpack() { tar -x -b 512 -B -p --same-owner --numeric-owner --delay-directory-restore -f - -C "$@"; }
list() { find . -printf '${LISTING_FORMAT}'; }

# One process mounts a whole table: starting one costs more than mounting.
mount_all() {
  local entry
  for entry; do printf '%s\\n' "$entry"; done > /tmp/control/table
  mount -n -a -T /tmp/control/table
}

mount_devices() {
  unpack /tmp/dev <&5
  local name table=("none /tmp/dev/pts devpts newinstance,ptmxmode=0666,mode=0620")
  for name in null zero full random urandom tty; do table+=("/dev/$name /tmp/dev/$name none bind"); done
  [ -z "$static_bash" ] || table+=("$static_bash /tmp/dev/.dockertools/bash none bind,ro")
  [ -z "$static_busybox" ] || table+=("$static_busybox /tmp/dev/.dockertools/busybox none bind,ro")
  mount_all "\${table[@]}"
}

mount_store() {
  local lower= own=("$2"/*)
  [ "$shown" = 0 ] || lower=/tmp/store
  if [ "\${#own[@]}" != 0 ]; then lower=\${lower:+$lower:}$2; fi
  case $lower in
    '') mount -t tmpfs -o ro,size=4k none "$1" ;;
    *:*) mount -t overlay -o "ro,userxattr,lowerdir=$lower" none "$1" ;;
    *) mount --rbind "$lower" "$1"; read_only "$1" ;;
  esac
}

make_view() {
  local entry
  mount -t tmpfs -o mode=0755 none /tmp/view
  for entry in /*; do
    case $entry in
      /bin|/sbin|/lib*|/usr|/etc|/opt|/nix|/gnu|/run)
        if [ -L "$entry" ]; then cp -P "$entry" "/tmp/view$entry"; continue; fi
        [ -d "$entry" ] || continue
        if [ "$entry" = /run ]; then
          [ -d /run/current-system ] || continue
          entry=/run/current-system
        fi
        mkdir -p "/tmp/view$entry"
        mount --rbind "$entry" "/tmp/view$entry"
        read_only "/tmp/view$entry" ;;
    esac
  done
  mkdir -p /tmp/view/{build,dev,proc,sys,tmp}
  chmod 1777 /tmp/view/tmp
  mount -t tmpfs -o mode=1777 none /tmp/view/tmp
}

mount -t proc proc /proc
mount -t tmpfs -o mode=0700,size=1m none /tmp/control
mount -t tmpfs -o mode=0755,size=16m,nr_inodes=8192,nosuid none /tmp/dev
mkfifo /tmp/control/go /tmp/control/ready
mount_devices
exec 5<&-
if [ "$view" = image ]; then root=/tmp/root; else root=/tmp/view; make_view; fi
# The script's namespaces but the one of mounts, which are not there yet; they wait to be told to go on.
exec {go}<> /tmp/control/go {answer}<> /tmp/control/ready {ready}< /tmp/control/ready
unshare --user --ipc --uts --net --pid --fork --kill-child=KILL \\
  bash --norc -c 'echo >&"$2"; read -r -u "$1" _; shift 2; exec "$@"' wait "$go" "$answer" \\
  unshare --mount --propagation private \\
  bash --norc -c "$program" script "$view" "$root" "$go" "$answer" "$@" \\
  < /dev/null 3<&- 4<&- 6>&- 7>&- 8<&- 9>&- 10>&- 13<&- 14<&- {ready}<&- &
child=$!
# From now on it alone can write there, so that its end is seen.
exec 12>&- {answer}>&-
read -r -u "$ready" _
mapping() { local inside count; while read -r inside _ count; do echo "$inside $inside $count"; done < "$1"; }
uids=$(mapping /proc/self/uid_map) gids=$(mapping /proc/self/gid_map)
# The system takes a mapping in one piece; bash itself writes line by line.
env printf '%s\\n' "$uids" > "/proc/$child/uid_map"
env printf '%s\\n' "$gids" > "/proc/$child/gid_map"
read -r options hidden parts <&8
mount_all "none /tmp/root tmpfs mode=0755,$options" '/tmp/root /tmp/list none bind'
if [ "$view" != image ]; then mount --bind /tmp/root /tmp/view/build; fi
cd /tmp/list
unpack_base() { unpack . --anchored --exclude="$hidden"; }
case $parts in
  1) unpack_base <&3 ;;
  3)
    unpack_base <&3 &
    first=$!
    unpack_base <&13 &
    wait "$first"
    wait "$!"
    unpack_base <&14 ;;
esac
exec 3<&- 13<&- 14<&-
# It is listed while what is laid over it is unpacked: that counts as changed anyway.
listing=
if [ "$parts" != 0 ]; then list >&6 & listing=$!; fi
exec 6>&-
unpack . <&4
exec 4<&-
now() { now=\${EPOCHREALTIME-}; now=\${now//[!0-9]/}; }
now
unpacked=$now
if [ "$view" = image ]; then
  mount -n --move /tmp/dev "$root/dev"
  mount_store "$root$store" "$root$store"
else
  mount -n --move /tmp/dev "$root/dev"
  if [ "$shown" != 0 ]; then
    mkdir -p "$root$store" 2> /dev/null || mount -t tmpfs -o mode=0755 none "$root/\${store%/*}" && mkdir -p "$root$store"
    mount_store "$root$store" "$root$store"
  fi
fi
echo >&"$go"
read -r -u "$ready" _
read -r -d ' ' inner < "/proc/$child/task/$child/children"
nsenter --mount="/proc/$inner/ns/mnt" --root=/ --wd="/proc/$inner/root" umount -c -n -l dev/.dockertools/old
[ -z "$listing" ] || wait "$listing"
# The clock of the file system moves in steps: what the script does has to be later than what was done so far.
now
if ((now - unpacked < ${CLOCK_STEP_US})); then read -r -t 0.02 -u "$ready" _ || true; fi
echo >&"$go"
status=0
wait "$child" || status=$?
exec {go}>&- {ready}>&-
echo "$status $(stat -f -c '%a %d' /tmp/root)" >&10
exec 10>&-
if [ "$status" != 0 ]; then exit "$status"; fi
# It waits for names while others are listed.
xargs -0 -r cat -- <&8 >&9 7>&- &
reader=$!
exec 8<&- 9>&-
list >&7
exec 7>&-
wait "$reader"
`

/**
 * Last, in a user namespace below that one, so that none of the mounts can be
 * undone: makes the tree its root, leaves everything else behind, and runs the
 * script.
 */
export const SCRIPT_PROGRAM: string = `
set -e
view=$1 root=$2 go=$3 ready=$4 step=$5
shift 5
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t sysfs -o ro,nosuid,nodev,noexec none "$root/sys"
hostname localhost
mount --rbind "$root" "$root"
cd "$root"
pivot_root . dev/.dockertools/old
echo >&"$ready"
read -r -u "$go" _
exec {go}>&- {ready}>&-
echo 0 >&12
exec 12>&-
# Whoever called may have left files open for all that is started.
for number in /proc/self/fd/*; do
  number=\${number##*/}
  [ "$number" -le 2 ] || exec {number}>&-
done
ulimit -u 4096
umask 022
tools=/dev/.dockertools
PATH=$script_path
if [ "$view" = image ]; then
  cd /
  PATH+=:$tools/bin
else
  cd /build
  export TMPDIR=/tmp TEMPDIR=/tmp TMP=/tmp TEMP=/tmp
fi
unset script_path OLDPWD
hash -r
for shell in "$(type -P bash)" "$tools/bash"; do
  if [ -x "$shell" ] && "$shell" -c : 2> /dev/null; then
    status=0
    "$shell" "$@" -c 'source "$1"' "$step" "$tools/script" || status=$?
    exit "$status"
  fi
done
if [ -x "$tools/busybox" ] && "$tools/busybox" true; then
  options=()
  for option; do case $option in -O) ;; nullglob) ;; *) options+=("$option") ;; esac; done
  status=0
  "$tools/busybox" sh "\${options[@]}" -c '. "$1"' "$step" "$tools/script" || status=$?
  exit "$status"
fi
echo "there is no bash in the image, and no static bash or busybox on this machine" >&2
exit 127
`
