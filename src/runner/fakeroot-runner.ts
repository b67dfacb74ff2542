import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deviceNumbers, type ScannedEntry, scanTree } from '#tree'
import { type ByteString, makeTempDir, spawnChecked, toByteString } from '#util'
import { deviceAndInode, type FakedFile, parseFakerootState } from './fakeroot-state.ts'
import { give } from './give.ts'
import { missingProgram } from './missing-program.ts'
import type { ChangedEntry, Changes, OwnedEntry, RunJob, Runner } from './runner.ts'
import { runScript } from './run-script.ts'
import { scriptEnvironment } from './script-environment.ts'
import type { Availability } from './store-view.ts'

/**
 * Runs scripts as the user that builds, under Debian's `fakeroot`, which makes
 * programs believe that they are root and remembers owners and devices for
 * them. Programs without shared libraries do not notice it.
 */
export const fakerootRunner: Runner = { name: 'fakeroot', probe, refusal, run }

// oxlint-disable-next-line require-await -- other runners have to wait
async function probe(): Promise<Availability> {
  const missing = missingProgram(['fakeroot', 'bash', 'tar'])
  if (missing === undefined) return { isAvailable: true }
  return { isAvailable: false, reason: `there is no program "${missing}"`, hint: `Install the package ${missing}` }
}

// oxlint-disable-next-line require-await -- other runners have to wait
async function refusal({ view, base, limits }: RunJob): Promise<string | undefined> {
  if (view === 'image' || base !== undefined) return 'fakeroot cannot make a folder the root'
  if (limits.diskMiB !== undefined) return 'fakeroot cannot limit what a script writes'
  if (limits.memoryMiB !== undefined) return 'fakeroot cannot limit the memory of a script'
  return undefined
}

async function run(job: RunJob, signal?: AbortSignal): Promise<Changes> {
  await using stack = new AsyncDisposableStack()
  const scratch = stack.use(await makeTempDir('fakeroot-'))
  const [root, own, saved] = ['root', 'run', 'state'].map((name) => join(scratch.path, name)) as [
    string,
    string,
    string,
  ]
  await mkdir(root)
  await mkdir(own)
  const needsFakeroot = job.upper.entries.some(isBeyondUs)
  await unpack(job, root, needsFakeroot ? ['fakeroot', '-s', saved, '--'] : [], signal)
  await runScript({
    step: job.step,
    script: job.script,
    cwd: root,
    scratch: own,
    storeDir: job.store.dir,
    binds: job.store.binds.filter(({ logical, physical }) => logical !== physical),
    needsBinds: job.store.isNeeded,
    signal,
    wrapper: ['fakeroot', ...(needsFakeroot ? ['-i', saved] : []), '-s', saved, '--'],
    environment: { ...job.environment, ...NO_REAL_OWNERS },
    bashOptions: job.bashOptions,
    timeoutSeconds: job.limits.timeoutSeconds,
  })
  const faked = parseFakerootState(await readFile(saved, 'latin1'))
  const entries = [...changedEntries(toByteString(root), faked)]
  const owner = stack.move()
  return { entries, [Symbol.asyncDispose]: () => Promise.resolve(owner[Symbol.asyncDispose]()) }
}

/** Whether an ordinary user cannot have such a file on disk, or could not read it again. */
function isBeyondUs(entry: OwnedEntry): boolean {
  const needed = entry.type === 'directory' ? 0o500 : entry.type === 'file' ? 0o400 : 0
  const isOurs = entry.uid === 0 && entry.gid === 0 && entry.type !== 'char' && entry.type !== 'block'
  return !isOurs || (entry.mode & needed) !== needed
}

/** Otherwise it would give files away where root builds, and fail in a user namespace. */
const NO_REAL_OWNERS = { FAKEROOTDONTTRYCHOWN: '1' }

async function unpack(job: RunJob, root: string, wrapper: readonly string[], signal: AbortSignal | undefined) {
  const tar = ['tar', '-x', '-p', wrapper.length === 0 ? '--no-same-owner' : '--same-owner', '--numeric-owner']
  const [program, ...args] = [...wrapper, 'bash', '-c', 'exec "$@" <&3', 'unpack', ...tar, '-f', '-', '-C', root]
  await spawnChecked(program, args, {
    step: job.step,
    cwd: '/',
    env: { ...scriptEnvironment('/tmp'), ...NO_REAL_OWNERS },
    signal,
    descriptors: ['pipe'],
    talk: (pipe) => give(job.upper.tar(), pipe(3)),
  })
}

/** What is on disk, as a program under fakeroot sees it: what it knows nothing of belongs to root. */
function* changedEntries(root: ByteString, faked: ReadonlyMap<string, FakedFile>): Generator<ChangedEntry> {
  for (const entry of scanTree(root, { order: 'bytes' })) {
    const fake = faked.get(deviceAndInode(entry.dev, entry.ino))
    const meta = {
      path: entry.path,
      mode: fake === undefined ? entry.mode : fake.mode % 0o10000,
      uid: fake?.uid ?? 0,
      gid: fake?.gid ?? 0,
    }
    const device = fake === undefined ? undefined : DEVICE_TYPES[Math.floor(fake.mode / 0o10000)]
    if (fake !== undefined && device !== undefined) yield { ...meta, type: device, ...deviceNumbers(fake.rdev) }
    else yield { ...meta, ...kindOf(entry, root) }
  }
}

/** The file type in a mode. Fakeroot keeps devices as empty files. */
const DEVICE_TYPES: Readonly<Record<number, 'char' | 'block'>> = { 0o02: 'char', 0o06: 'block' }

function kindOf(entry: ScannedEntry, root: ByteString) {
  switch (entry.type) {
    case 'file': {
      const path = `${root}/${entry.path}` as ByteString
      return { type: entry.type, size: entry.size, body: { kind: 'disk', path, ctimeMs: entry.ctimeMs } } as const
    }
    case 'directory':
      return { type: entry.type, isOpaque: false } as const
    case 'symlink':
      return { type: entry.type, target: entry.target } as const
    case 'char':
    case 'block':
      return { type: entry.type, major: entry.major, minor: entry.minor } as const
    default:
      return { type: entry.type } as const
  }
}
