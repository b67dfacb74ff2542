import { spawnSync } from 'node:child_process'

/** A store path that a script is to see, and where its content is. */
export interface StoreBind {
  /** For example `/nix/store/…-hello`. */
  readonly logical: string
  readonly physical: string
  readonly kind: 'directory' | 'file' | 'symlink'
}

/** Whether something can be done on this machine, or why not. */
export type Availability =
  | { readonly isAvailable: true }
  | {
      readonly isAvailable: false
      readonly reason: string
      /** What to install or set, as one sentence without a full stop. */
      readonly hint?: string
    }

/** Arguments of `unshare` that give a private mount table: an ordinary user needs a user namespace around it. */
export function unshareArguments(): string[] {
  const isRoot = process.getuid?.() === 0
  return isRoot
    ? ['--mount', '--propagation', 'private']
    : ['--user', '--map-root-user', '--mount', '--propagation', 'private']
}

/** Tries it: what the system says it has, and what it lets a user do, are two things. */
export function probeStoreView(): Availability {
  const attempt = spawnSync('unshare', [...unshareArguments(), 'mount', '-t', 'tmpfs', 'none', '/tmp'], {
    encoding: 'utf8',
    timeout: 10_000,
  })
  if (attempt.status === 0) return { isAvailable: true }
  const said = attempt.stderr?.trim() ?? ''
  const reason = attempt.error?.message ?? (said === '' ? `unshare exited with status ${attempt.status}` : said)
  return { isAvailable: false, reason }
}

/**
 * A bash program that shows the store paths at their logical places, below a
 * root of its own that has everything else of the machine, and then runs the
 * rest of its arguments in there.
 *
 * Arguments: an empty folder for the new root, the store's folder, a folder
 * with a mount point for each path, a file with the binds (physical and logical
 * path in turn, each ended by a NUL), the working directory, the program.
 */
export const STORE_VIEW_PROGRAM = `
root=$1 store=$2 points=$3 binds=$4 cwd=$5
shift 5
mount -t tmpfs none "$root"
top=/\${store#/}; top=\${top#/}; top=/\${top%%/*}
shopt -s dotglob nullglob
for entry in /*; do
  [ "$entry" = "$top" ] && continue
  if [ -L "$entry" ]; then cp -P "$entry" "$root$entry"
  elif [ -d "$entry" ]; then mkdir "$root$entry"; mount --rbind "$entry" "$root$entry"
  elif [ -e "$entry" ]; then : > "$root$entry"; mount --bind "$entry" "$root$entry"
  fi
done
if [ -d "$top" ]; then mkdir -p "$root$top"; fi
mkdir -p "$root$store"
if [ -d "$store" ]; then
  mount -t overlay none -o "lowerdir=$points:$store,userxattr" "$root$store" 2>/dev/null ||
    mount -t overlay none -o "lowerdir=$points:$store" "$root$store"
else
  mount --bind "$points" "$root$store"
fi
while IFS= read -r -d '' physical && IFS= read -r -d '' logical; do
  mount --bind "$physical" "$root$logical"
done < "$binds"
exec chroot "$root" bash -c 'cd "$1"; shift; exec "$@"' bash "$cwd" "$@"
`
