import { type Changes, type OwnedEntry, type RunJob, STRICT_BASH, type TreeSource } from '#runner'
import { type TarEntry, writeTar } from '#tar'
import { type ByteString, toByteString } from '#util'

/** A tree that is written down: folders end with a slash, files have a content, links a target behind an arrow. */
export type TreeText = Readonly<Record<string, string>>

/** A tree whose files all belong to one owner. */
export function treeOf(tree: TreeText, owner: { readonly uid: number; readonly gid: number } = ROOT): TreeSource {
  const names = ['', ...Object.keys(tree)].toSorted((a, b) =>
    a.replaceAll('/', '\0') < b.replaceAll('/', '\0') ? -1 : 1,
  )
  const entries = names.map((name) => entryOf(name, tree[name] ?? '', owner))
  const members = entries.map((entry) => memberOf(entry, tree[entry.path] ?? ''))
  return { entries, tar: () => writeTar(members, 'gnu') }
}

const ROOT = { uid: 0, gid: 0 }

function entryOf(name: string, content: string, owner: { readonly uid: number; readonly gid: number }): OwnedEntry {
  const path = toByteString(name.replace(/\/$/, ''))
  if (name === '' || name.endsWith('/')) return { path, mode: 0o755, ...owner, type: 'directory' }
  if (content.startsWith('-> ')) {
    return { path, mode: 0o777, ...owner, type: 'symlink', target: toByteString(content.slice(3)) }
  }
  return { path, mode: 0o644, ...owner, type: 'file', size: Buffer.byteLength(content) }
}

function memberOf(entry: OwnedEntry, content: string): TarEntry {
  const noName = toByteString('')
  const path = (entry.path === '' ? '.' : `./${entry.path}`) as ByteString
  const member = { ...entry, path, uname: noName, gname: noName, mtimeSeconds: 1 }
  if (member.type === 'socket') throw new Error('no archive has sockets')
  if (member.type !== 'file') return member as TarEntry
  return { ...member, open: () => once(Buffer.from(content)) }
}

// oxlint-disable-next-line require-await -- bodies are read asynchronously
async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** The folders that are mounted on in an image. */
export const MOUNT_POINTS: TreeText = { 'dev/': '', 'proc/': '', 'sys/': '', 'tmp/': '', 'nix/': '', 'nix/store/': '' }

/** A job with the programs that the runner itself brings, unless the tree has some. */
export function jobOf(script: string, parts: Partial<RunJob> = {}): RunJob {
  return {
    step: 'runAsRoot',
    script,
    bashOptions: STRICT_BASH,
    view: 'image',
    base: undefined,
    upper: treeOf(MOUNT_POINTS),
    store: { dir: '/nix/store', binds: [], isNeeded: false },
    environment: { HOME: '/homeless-shelter', PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    limits: { diskMiB: 32, memoryMiB: undefined, timeoutSeconds: 60 },
    ...parts,
  }
}

/** Changes as lines: what, mode, owner, name, and the content of a small file. */
export function linesOf({ entries }: Changes): string[] {
  return entries.map((entry) => {
    if (entry.type === 'whiteout') return `gone ${entry.path}`
    const { type, mode, uid, gid, path } = entry
    const line = `${type} ${mode.toString(8)} ${uid}:${gid} /${path}`
    if (entry.type === 'directory' && entry.isOpaque) return `${line} opaque`
    if (entry.type === 'symlink') return `${line} -> ${entry.target}`
    if (entry.type === 'char' || entry.type === 'block') return `${line} ${entry.major}, ${entry.minor}`
    return line
  })
}
