import { globSync } from 'node:fs'
import { type ChangedEntry, type Changes, type OwnedEntry, type RunJob, STRICT_BASH, type TreeSource } from '#runner'
import { type TarEntry, writeTar } from '#tar'
import { toByteString } from '#util'
import { needs } from './places.ts'

/** An entry of a tree with its content. */
export type JobEntry = OwnedEntry & { readonly content?: string }

export function entry(path: string, more: object): JobEntry {
  return { path: toByteString(path), mode: 0o755, uid: 0, gid: 0, ...more } as JobEntry
}

export function directory(path: string, more: object = {}): JobEntry {
  return entry(path, { type: 'directory', ...more })
}

export function textFile(path: string, content: string, more: object = {}): JobEntry {
  return entry(path, { type: 'file', mode: 0o644, size: Buffer.byteLength(content), content, ...more })
}

/** A tree for a runner, with the tar of it. */
export function treeOf(entries: readonly JobEntry[]): TreeSource {
  return { entries, tar: (only = () => true) => writeTar(members(entries.filter(only)), 'gnu-numeric') }
}

/** A tree that is written down: folders end with a slash, files have a content, links a target behind an arrow. */
export type TreeText = Readonly<Record<string, string>>

/** A tree whose files all belong to one owner. */
export function writtenTree(tree: TreeText, owner: { readonly uid: number; readonly gid: number } = ROOT): TreeSource {
  const names = ['', ...Object.keys(tree)].toSorted((a, b) =>
    a.replaceAll('/', '\0') < b.replaceAll('/', '\0') ? -1 : 1,
  )
  return treeOf(names.map((name) => writtenEntry(name, tree[name] ?? '', owner)))
}

const ROOT = { uid: 0, gid: 0 }

function writtenEntry(name: string, content: string, owner: typeof ROOT): JobEntry {
  if (name === '' || name.endsWith('/')) return directory(name.replace(/\/$/, ''), owner)
  if (!content.startsWith('-> ')) return textFile(name, content, owner)
  return entry(name, { type: 'symlink', mode: 0o777, target: toByteString(content.slice(3)), ...owner })
}

/** Nothing but the folders that everything is mounted on. */
export function mountPoints(): readonly JobEntry[] {
  return ['', 'dev', 'proc', 'sys'].map((path) => directory(path))
}

/** The folders that are mounted on in an image, and those that most images have. */
export const MOUNT_POINTS: TreeText = { 'dev/': '', 'proc/': '', 'sys/': '', 'tmp/': '', 'nix/': '', 'nix/store/': '' }

/** A job with the programs that the runner itself brings, unless the tree has some. */
export function jobOf(script: string, parts: Partial<RunJob> = {}): RunJob {
  return {
    step: 'runAsRoot',
    script,
    bashOptions: STRICT_BASH,
    view: 'image',
    base: undefined,
    upper: writtenTree(MOUNT_POINTS),
    store: { dir: '/nix/store', binds: [], isNeeded: false },
    environment: { HOME: '/homeless-shelter', PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    limits: { diskMiB: 32, memoryMiB: undefined, timeoutSeconds: 60 },
    ...parts,
  }
}

/** A job of `runAsRoot` over a base; everything else can be told. */
export function runAsRootJob(
  script: string,
  base: readonly JobEntry[] | undefined,
  more: Partial<RunJob> = {},
): RunJob {
  return jobOf(script, {
    base: base === undefined ? undefined : treeOf([directory(''), ...base]),
    upper: treeOf(mountPoints()),
    environment: { PATH: '/usr/bin:/bin' },
    limits: { diskMiB: 64, memoryMiB: 256, timeoutSeconds: 120 },
    ...more,
  })
}

/** Changes as lines: what, mode, owner, name. */
export function linesOf({ entries }: Changes): string[] {
  return entries.map((change) => {
    if (change.type === 'whiteout') return `gone ${change.path}`
    const { type, mode, uid, gid, path } = change
    const line = `${type} ${mode.toString(8)} ${uid}:${gid} /${path}`
    if (change.type === 'directory' && change.isOpaque) return `${line} opaque`
    if (change.type === 'symlink') return `${line} -> ${change.target}`
    if (change.type === 'char' || change.type === 'block') return `${line} ${change.major}, ${change.minor}`
    return line
  })
}

/** One line an entry, with its content where it is a text. */
export function describeChange(change: ChangedEntry): string {
  const path = change.path === '' ? '/' : change.path
  if (change.type === 'whiteout') return `${path} is gone`
  const owner = `${change.mode.toString(8)} ${change.uid}:${change.gid}`
  switch (change.type) {
    case 'file':
      return `${path} file ${owner} "${readContent(change)}"`
    case 'directory':
      return `${path} directory ${owner}${change.isOpaque ? ' opaque' : ''}`
    case 'symlink':
      return `${path} symlink ${change.uid}:${change.gid} to ${change.target}`
    case 'char':
    case 'block':
      return `${path} ${change.type} ${owner} ${change.major}:${change.minor}`
    default:
      return `${path} ${change.type} ${owner}`
  }
}

function readContent(change: ChangedEntry & { readonly type: 'file' }): string {
  const { body, size } = change
  if (body.kind !== 'spool') throw new Error('the content should be in a spool')
  const content = Buffer.alloc(size)
  if (body.spool.readNow(content, body.offset) !== size) throw new Error('the content should have its size')
  return size > 200 ? `${size} bytes` : content.toString('latin1')
}

function* members(entries: readonly JobEntry[]): Generator<TarEntry> {
  for (const { content = '', ...owned } of entries) {
    const name = owned.path === '' ? '.' : `./${owned.path}`
    const meta = {
      ...owned,
      path: toByteString(name),
      uname: toByteString(''),
      gname: toByteString(''),
      mtimeSeconds: 1,
    }
    if (meta.type === 'socket') throw new Error('a tar holds no socket')
    yield { ...meta, open: () => once(Buffer.from(content)) } as TarEntry
  }
}

// oxlint-disable-next-line require-await -- bodies are read asynchronously
async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** The kernel for guests: one that CI has put somewhere, or this machine's own. */
export const GUEST_KERNEL: string | undefined = process.env['DOCKERTOOLS_TEST_KERNEL'] ?? globSync('/boot/vmlinuz-*')[0]

/** Options of a test that starts a guest. */
export function needsGuest(): { readonly skip: string | false } {
  const { skip } = needs('qemu-system-x86_64', 'busybox')
  return { skip: skip === false && GUEST_KERNEL === undefined ? 'no kernel for guests here' : skip }
}
