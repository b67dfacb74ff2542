import { globSync } from 'node:fs'
import type { ChangedEntry, OwnedEntry, RunJob, TreeSource } from '#runner'
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
  return { entries, tar: () => writeTar(members(entries), 'gnu-numeric') }
}

/** Nothing but the folders that everything is mounted on. */
export function mountPoints(): readonly JobEntry[] {
  return ['', 'dev', 'proc', 'sys'].map((path) => directory(path))
}

/** A job of `runAsRoot` over a base; everything else can be told. */
export function runAsRootJob(
  script: string,
  base: readonly JobEntry[] | undefined,
  more: Partial<RunJob> = {},
): RunJob {
  return {
    step: 'runAsRoot',
    script,
    bashOptions: ['-e', '-o', 'pipefail', '-O', 'nullglob'],
    view: 'image',
    base: base === undefined ? undefined : treeOf([directory(''), ...base]),
    upper: treeOf(mountPoints()),
    store: { dir: '/nix/store', binds: [], isNeeded: false },
    environment: { PATH: '/usr/bin:/bin' },
    limits: { diskMiB: 64, memoryMiB: 256, timeoutSeconds: 120 },
    ...more,
  }
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
