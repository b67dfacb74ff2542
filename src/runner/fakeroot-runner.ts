import { mkdir, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ByteString, makeTempDir, spawnChecked, toByteString } from '#util'
import { sortChanges } from './compare-listings.ts'
import { watchedFaked } from './faked-process.ts'
import { give } from './give.ts'
import { type ListedFile, LISTING_FORMAT, parseDevices, parseListed, parseListing } from './listing.ts'
import { missingProgram } from './missing-program.ts'
import type { ChangedEntry, Changes, OwnedEntry, RunJob, Runner } from './runner.ts'
import { runScript } from './run-script.ts'
import { scriptEnvironment } from './script-environment.ts'
import type { Availability } from './store-view.ts'

/**
 * Runs inside of fakeroot: unpacks a tree whose owners only fakeroot can keep, runs
 * the script, and lists what it has left, which fakeroot knows only as long as it
 * runs. Only where `find` asks for a file's owner does it see that something is a device.
 *
 * Arguments: the folder for the lists, then the script's command.
 */
const PROGRAM = `
set -o pipefail
lists=$1
shift
if [ -e "$lists/tree" ]; then tar -x -p --same-owner --numeric-owner -f "$lists/tree" || exit; fi
"$@" || exit
find . -printf '${LISTING_FORMAT}' > "$lists/files" || exit
: > "$lists/devices"
if grep -qzE '^[bc] [0-9]' "$lists/files"; then
  find . -printf '%y %U %p\\0' | sed -zn 's/^[bc] [0-9]* //p' | xargs -0 -r stat --printf '%t %T\\0%n\\0' > "$lists/devices"
fi
`

/**
 * Runs scripts as the user that builds, under Debian's `fakeroot`, which makes
 * programs believe that they are root and remembers owners and devices for
 * them. Programs without shared libraries do not notice it.
 */
export const fakerootRunner: Runner = { name: 'fakeroot', probe, refusal, run }

// oxlint-disable-next-line require-await -- other runners have to wait
async function probe(): Promise<Availability> {
  const missing = missingProgram(['fakeroot', 'bash', 'tar', 'find'])
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
  const [root, own, lists] = ['root', 'run', 'lists'].map((name) => join(scratch.path, name)) as [
    string,
    string,
    string,
  ]
  for (const folder of [root, own, lists]) await mkdir(folder)
  if (job.upper.entries.some(isBeyondUs)) await writeTree(job, join(lists, 'tree'))
  else await unpack(job, root, signal)
  using faked = watchedFaked(lists)
  await runScript({
    step: job.step,
    script: job.script,
    cwd: root,
    scratch: own,
    storeDir: job.store.dir,
    binds: job.store.binds.filter(({ logical, physical }) => logical !== physical),
    needsBinds: job.store.isNeeded,
    signal,
    wrapper: ['fakeroot', ...faked.options, '--', 'bash', '-c', PROGRAM, 'fakeroot', lists],
    daemonNote: faked.note,
    environment: { ...job.environment, ...NO_REAL_OWNERS },
    bashOptions: job.bashOptions,
    timeoutSeconds: job.limits.timeoutSeconds,
  })
  const [files, devices] = await Promise.all(['files', 'devices'].map((name) => readFile(join(lists, name), 'latin1')))
  const numbers = parseDevices(devices ?? '')
  const listed = [...parseListing(files ?? '')].map(([path, row]) => parseListed(path, row, numbers))
  const onDisk = toByteString(root)
  const entries = sortChanges(listed.map((file) => withBody(file, onDisk)))
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

async function unpack(job: RunJob, root: string, signal: AbortSignal | undefined): Promise<void> {
  const tar = ['tar', '-x', '-p', '--no-same-owner', '-f', '-', '-C', root]
  await spawnChecked('bash', ['-c', 'exec "$@" <&3', 'unpack', ...tar], {
    step: job.step,
    cwd: '/',
    env: scriptEnvironment('/tmp'),
    signal,
    descriptors: ['pipe'],
    talk: (pipe) => give(job.upper.tar(), pipe(3)),
  })
}

async function writeTree(job: RunJob, path: string): Promise<void> {
  await using file = await open(path, 'wx', 0o600)
  for await (const chunk of job.upper.tar()) await file.writeFile(chunk)
}

function withBody({ entry, ctimeMs }: ListedFile, root: ByteString): ChangedEntry {
  if (entry.type === 'directory') return { ...entry, type: 'directory', isOpaque: false }
  if (entry.type !== 'file') return entry
  const path = `${root}/${entry.path}` as ByteString
  return { ...entry, body: { kind: 'disk', path, ctimeMs } }
}
