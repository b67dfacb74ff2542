import type { RunJob } from './runner.ts'
import { STANDARD_PATH } from './script-environment.ts'

/** Processes and threads of a script at a time: a script that forks without end meets this before the memory's end. */
const MAX_PROCESSES = 512

/**
 * What the guest's first process does: load modules, mount the two disks, run
 * the script in namespaces of its own, take the disks down, switch off.
 *
 * `/dev/vda` is given (`base`, `store`, `job`), `/dev/vdb` is written to
 * (`upper`, `work`). Serial lines: 0 is the kernel's, 1 and 2 are the script's
 * standard output and error, and over 3 it says one word a line how far it is.
 * Of the script's processes none survives the end of its process namespace.
 */
export function guestProgram(hasBase: boolean): string {
  const root = hasBase
    ? 'mount -t overlay -o lowerdir=/given/base,upperdir=/disk/upper,workdir=/disk/work,redirect_dir=off,metacopy=off,index=off root /root'
    : 'mount --bind /disk/upper /root'
  return `#!/bin/busybox sh
export PATH=/bin
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox stty -F /dev/ttyS3 115200 raw -echo
exec 3>/dev/ttyS3
say() { /bin/busybox echo "$*" >&3; }
end() { say "$@"; /bin/busybox poweroff -f; }
say boot
/bin/busybox --install -s /bin
mount -t proc proc /proc
echo -1000 > /proc/self/oom_score_adj
while read -r module; do
  insmod "/modules/$module" || end failed "the kernel module $module cannot be loaded"
done < /modules/list
for line in 1 2; do stty -F /dev/ttyS$line 115200 raw -echo; done
mounted() { mount -t ext4 -o "$1" "$2" "$3" 2>/dev/null || mount -t ext2 -o "$1" "$2" "$3"; }
mounted ro /dev/vda /given || end failed "its kernel cannot mount the disk that it is given"
mounted noatime /dev/vdb /disk || end failed "its kernel cannot mount the disk that it writes to"
${root} || end failed "its kernel cannot mount an overlay"
mount -t cgroup2 cgroup /cgroup 2>/dev/null &&
  echo +pids > /cgroup/cgroup.subtree_control && mkdir /cgroup/job && echo ${MAX_PROCESSES} > /cgroup/job/pids.max
mkfifo /run/1 /run/2
cat /run/1 > /dev/ttyS1 & first=$!
cat /run/2 > /dev/ttyS2 & second=$!
say start
unshare -m -p -f -n -i -u sh /given/job/isolated > /run/1 2> /run/2 3>&- < /dev/null
status=$?
wait $first $second
say killed $(sed -n 's/^oom_kill //p' /proc/vmstat)
umount /root
say free $(stat -f -c '%a %d' /disk)
umount /disk || mount -o remount,ro /disk || end failed "the disk that it writes to cannot be unmounted"
end ended $status
`
}

/** What a script sees that works on a folder: the runner's tools, the store, a place for temporary files. */
const FOLDER_VIEW = `mount -t tmpfs -o mode=755 view .
cd /view
mkdir -p build dev proc sys usr "$store"
mkdir -m 1777 tmp
for bin in bin usr/bin; do ln -s /dev/.dockertools/bin "$bin"; done
mount --bind /root build
`

/**
 * What runs in the namespaces, as their first process: makes `/dev`, `/proc`,
 * `/sys` and the store in the root, and starts the script there. Folders to
 * mount on are not made here, as they would be changes.
 */
export function isolatedProgram({ view, store }: Pick<RunJob, 'view' | 'store'>): string {
  return `store=${quote(`.${store.dir}`)}
echo 0 > /proc/self/oom_score_adj
echo 0 > /cgroup/job/cgroup.procs 2>/dev/null
hostname localhost
cd ${view === 'image' ? '/root' : '/view'}
${view === 'image' ? '' : FOLDER_VIEW}point() { [ -d "$1" ] && [ ! -L "$1" ]; }
give() { mount --bind "$1" "$2" && mount -o remount,bind,ro "$2"; }
point dev && point proc && point sys || { echo "there should be folders /dev, /proc and /sys" >&2; exit 127; }
mount -t tmpfs -o mode=755,nosuid dev dev
umask 0
for device in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 666 "dev/\${device%:*}" c 1 "\${device#*:}"; done
mknod -m 666 dev/tty c 5 0
umask 022
ln -s /proc/self/fd dev/fd
for line in stdin:0 stdout:1 stderr:2; do ln -s "/proc/self/fd/\${line#*:}" "dev/\${line%:*}"; done
mkdir -m 1777 dev/shm
mkdir dev/pts dev/.dockertools
mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts dev/pts && ln -s pts/ptmx dev/ptmx
give /given/job dev/.dockertools
mount -t proc -o nosuid,nodev,noexec proc proc
mount -t sysfs -o ro,nosuid,nodev,noexec sys sys
if point "$store"; then
  if [ -z "$(ls -A "$store")" ]; then give /given/store "$store"
  elif ${store.binds.length > 0 ? 'true' : 'false'}; then mount -t overlay -o "ro,lowerdir=/given/store:$store" store "$store"
  else give "$store" "$store"
  fi
fi
umask 022
. /given/job/start
`
}

/**
 * The line that becomes the script: the image's own bash, or else one of the
 * machine's that needs no libraries, or else the shell of busybox.
 */
export function startLine(job: Pick<RunJob, 'step' | 'view' | 'environment' | 'bashOptions'>): string {
  const { step, view, environment, bashOptions } = job
  const path = `${environment['PATH'] ?? STANDARD_PATH}:${TOOLS}/bin`
  const temporary = view === 'image' ? {} : { TMPDIR: '/tmp', TEMPDIR: '/tmp', TMP: '/tmp', TEMP: '/tmp' }
  const variables = Object.entries({ ...environment, ...temporary, PATH: path }).map(([name, value]) =>
    quote(`${name}=${value}`),
  )
  const plainOptions = bashOptions.filter((option, index) => option !== '-O' && bashOptions[index - 1] !== '-O')
  const choose = `cd ${view === 'image' ? '/' : '/build'}
for shell in "$(command -v bash)" ${TOOLS}/bash; do
  if [ -x "$shell" ] && "$shell" -c : 2>/dev/null; then
    "$shell" ${bashOptions.map(quote).join(' ')} -c 'source "$1"' "$1" ${TOOLS}/script
    exit
  fi
done
${TOOLS}/busybox sh ${plainOptions.map(quote).join(' ')} -c '. "$1"' "$1" ${TOOLS}/script`
  const shell = [`${TOOLS}/busybox`, 'sh', '-c', choose, 'start', step].map(quote).join(' ')
  return `env -i ${variables.join(' ')} chroot . ${shell}\n`
}

const TOOLS = '/dev/.dockertools'

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
