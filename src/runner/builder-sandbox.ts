/** What a namespace is made with: everything of its own, and the end of one process the end of all. */
export function sandboxArguments(hasNetwork: boolean): string[] {
  const own = ['--user', '--map-root-user', '--mount', '--propagation', 'private', '--ipc', '--uts']
  return [...own, ...(hasNetwork ? [] : ['--net']), '--pid', '--fork', '--kill-child=KILL']
}

/**
 * A bash program, the first process of a new namespace, that makes the view of
 * a builder and runs the builder in it.
 *
 * The builder sees: the store with its inputs, which cannot be written, and
 * room for its outputs; `/build`; an empty `/tmp`; the machine's programs and
 * libraries, which cannot be written either; a small `/dev` and `/etc`. It is
 * user 1000 in a user namespace inside, so that nothing that was mounted here
 * can be changed by it.
 *
 * The program stays as the first process, as it reaps the others, and ends
 * when file descriptor 3 does, whose other end the caller holds: so a caller
 * that is killed takes the builder with it.
 *
 * Arguments: an empty folder for the new root, the store's logical folder, the
 * folder shown there, a file with the binds into it (physical and logical path
 * in turn, each ended by a NUL), the folder shown as `/build`, `network` or
 * nothing, a file with the variables (each ended by a NUL), the builder and
 * its arguments.
 */
export const SANDBOX_PROGRAM = `
set -euo pipefail
root=$1 store=$2 outputs=$3 binds=$4 build=$5 network=$6 variables=$7
shift 7
shopt -s nullglob
mapfile -d '' -t environment < "$variables"

# Some systems mount with restrictions that may not be lifted by those who did not set them.
read_only() {
  mount -o remount,bind,ro "$1" 2>/dev/null || {
    options=$(findmnt -n -o VFS-OPTIONS --mountpoint "$1" | tail -n 1)
    mount -o "remount,bind,ro,\${options#r?,}" "$1"
  }
}
show() {
  if [ -L "$1" ]; then cp -P "$1" "$root$1"
  elif [ -d "$1" ]; then mkdir -p "$root$1"; mount --rbind "$1" "$root$1"
  elif [ -e "$1" ]; then mkdir -p "\${root}\${1%/*}"; : > "$root$1"; mount --bind "$1" "$root$1"
  fi
}

mount -t tmpfs -o mode=0755,size=16m none "$root"
mkdir -p "$root$store" "$root"/{build,dev/shm,etc,proc,tmp,old}
for entry in /bin /sbin /lib /lib?* /usr /etc/alternatives /etc/ld.so.cache /etc/ld.so.conf /etc/ld.so.conf.d; do show "$entry"; done
if [ -n "$network" ]; then
  for entry in /etc/resolv.conf /etc/nsswitch.conf /etc/services /etc/protocols /etc/ssl /etc/pki; do show "$(realpath -m "$entry")"; done
  if [ -L /etc/resolv.conf ]; then cp -P /etc/resolv.conf "$root/etc/resolv.conf"; fi
else ip link set lo up 2>/dev/null || true
fi
hostname localhost 2>/dev/null || true
while read -r _ _ _ _ point _; do
  case $point in "$root"/?*) printf -v point '%b' "$point"; read_only "$point" ;; esac
done < <(cat /proc/self/mountinfo)

mount -t tmpfs -o mode=1777 none "$root/tmp"
mount -t tmpfs -o mode=1777 none "$root/dev/shm"
for device in null zero full random urandom tty; do
  : > "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
printf '%s\\n' 'root:x:0:0:Build user:/build:/noshell' 'builder:x:1000:100:Build user:/build:/noshell' 'nobody:x:65534:65534:Nobody:/:/noshell' > "$root/etc/passwd"
printf '%s\\n' 'root:x:0:' 'builder:!:100:' 'nogroup:x:65534:' > "$root/etc/group"
printf '%s\\n' '127.0.0.1 localhost' '::1 localhost' > "$root/etc/hosts"
mount -t proc proc "$root/proc"
# The builder of root is root to these, whatever it is called inside.
for entry in "$root"/proc/{sys,sysrq-trigger,irq,bus,fs,acpi,scsi}; do
  if [ -e "$entry" ]; then mount --bind "$entry" "$entry"; read_only "$entry"; fi
done
mount --bind "$outputs" "$root$store"
while IFS= read -r -d '' physical && IFS= read -r -d '' logical; do
  mount --bind "$physical" "$root$logical"
  read_only "$root$logical"
done < "$binds"
mount --bind "$build" "$root/build"

cd "$root"
pivot_root . old
umount -l /old
rmdir /old
mount -o remount,bind,ro /
cd /build
umask 022
trap 'exit 143' TERM
{ read -r _ <&3 || true; kill -TERM 1; } > /dev/null 2>&1 &
env -i "\${environment[@]}" "$(type -P unshare)" --user --map-user=1000 --map-group=100 -- "$@" 3<&- &
wait $!
`
