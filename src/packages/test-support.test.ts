// What the tests of this folder share. It holds no test of its own.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readlinkSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import {
  type Built,
  openRealiseSession,
  type RealiseSession,
  type RealiseSessionOptions,
  symlinkJoin,
} from '#derivation'
import { DockerToolsError, type ErrorCode } from '#errors'
import { openStores, openWritableStore, type StoreOptions, type StorePath, type WritableStore } from '#store'
import { makeTempDir } from '#util'

/** A local store of its own, and a session that writes to it. */
export interface Room extends AsyncDisposable {
  /** A folder for anything. */
  readonly path: string
  readonly writable: WritableStore
  readonly session: RealiseSession
  /** Where a store path is on disk. */
  physical(path: StorePath): string
}

export async function makeRoom(
  options: Partial<Pick<RealiseSessionOptions, 'baseDirectory' | 'storeOptions'>> & {
    readonly stores?: readonly string[]
  } = {},
): Promise<Room> {
  const temp = await makeTempDir('packages-')
  const root = join(temp.path, 'root')
  const storeOptions: StoreOptions = { environment: {}, ...options.storeOptions }
  const writable = openWritableStore(`local:${root}`, storeOptions)
  const store = await openStores(options.stores ?? [`local:${root}`], storeOptions)
  const session = openRealiseSession({
    store,
    writable,
    baseDirectory: options.baseDirectory ?? temp.path,
    storeOptions,
  })
  return {
    path: temp.path,
    writable,
    session,
    physical: (path) => join(root, path),
    async [Symbol.asyncDispose]() {
      await writable[Symbol.asyncDispose]()
      await temp[Symbol.asyncDispose]()
    },
  }
}

/** What a program in a root of its own said. */
export interface ChrootResult {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program in a root that has nothing but what is built, joined as an image's contents are, and the store. */
export async function runInRoot(
  room: Room,
  contents: readonly Built[],
  command: readonly string[],
): Promise<ChrootResult> {
  const joined = await room.session.realise(symlinkJoin({ name: 'root', paths: contents }))
  const root = join(room.path, 'chroot')
  mkdirSync(join(root, 'nix/store'), { recursive: true })
  // Every container has these, and programs need them: the first to find out where they are.
  for (const folder of ['proc', 'dev']) mkdirSync(join(root, folder))
  // Links as they are in the joined tree, which are those of an image's customisation layer.
  const copied = spawnSync('cp', ['-rP', '--no-preserve=mode', '-T', room.physical(joined), root], { encoding: 'utf8' })
  if (copied.status !== 0) throw new Error(copied.stderr)
  const mounts = 'mount --rbind "$1" "$2/nix/store" && mount --rbind /proc "$2/proc" && mount --rbind /dev "$2/dev"'
  const script = `${mounts} && shift && root=$1 && shift && exec chroot "$root" "$@"`
  const args = [
    '--user',
    '--map-root-user',
    '--mount',
    '--',
    'sh',
    '-c',
    script,
    'sh',
    join(room.physical('/nix/store' as StorePath)),
    root,
    ...command,
  ]
  const { status, stdout, stderr } = spawnSync('unshare', args, {
    encoding: 'utf8',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    timeout: 30_000,
  })
  spawnSync('rm', ['-rf', root])
  return { status, stdout, stderr }
}

/** Where a symlink of a store path points to. */
export function linkIn(room: Room, path: StorePath, name: string): string {
  return readlinkSync(join(room.physical(path), name))
}

/** A predicate for `assert.rejects` and `assert.throws`. */
export function failsWith(code: ErrorCode, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    if (!(error instanceof DockerToolsError)) throw error
    if (error.code === code && message.test(error.message)) return true
    throw new Error(`It failed with ${error.code}: ${error.message}`, { cause: error })
  }
}

/** Options of a test that needs programs: found on the path, or at an absolute place. */
export function needs(...programs: readonly string[]): { skip: string | false } {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const isThere = (program: string): boolean =>
    program.startsWith('/') ? existsSync(program) : folders.some((folder) => existsSync(join(folder, program)))
  const missing = programs.find((program) => !isThere(program))
  return { skip: missing === undefined ? false : `no program ${missing} here` }
}
