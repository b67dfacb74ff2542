import { readlinkSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Duplex } from 'node:stream'
import { DockerToolsError, ScriptError } from '#errors'
import { type ByteString, byteStringToBytes, makeSpool, makeTempDir, type Spool, spawnUntilSaid } from '#util'
import { type ChangedName, compareListings } from './compare-listings.ts'
import { type DeviceKit, makeDeviceKit } from './device-kit.ts'
import { explainFailure, parseEnd, type ScriptEnd } from './explain-failure.ts'
import { give } from './give.ts'
import { limitMemory } from './limit-memory.ts'
import { type Listing, readListing } from './listing.ts'
import { FIRST_PROGRAM, SCRIPT_PROGRAM, STORE_PROGRAM, TREE_PROGRAM } from './namespace-programs.ts'
import { MissingRights } from './missing-rights.ts'
import { MIB, namespaceRefusal, treeBytes } from './namespace-refusal.ts'
import { currentMapping, probeNamespaces } from './probe-namespaces.ts'
import type { ChangedEntry, Changes, JobPlan, JobStore, JobTrees, Runner, TreeSource } from './runner.ts'
import { STANDARD_PATH } from './script-environment.ts'
import { treeParts } from './tree-parts.ts'
import { makeUserNamespace } from './user-namespace.ts'

/** As many files for each MiB as ext4 has by default. */
const FILES_PER_MIB = 64
const SPARE_FILES = 1024
/** Contents of changed files wait in memory up to here, in a nameless file beyond. */
const SPOOL_MEMORY_BYTES = 16 * MIB

/**
 * Runs scripts in namespaces of their own: users, mounts, processes, network,
 * names and messages. The tree is in memory. Root in there is nobody outside,
 * even where root starts it.
 */
export const namespaceRunner: Runner = {
  name: 'namespace',
  probe: probeNamespaces,
  refusal: (job) => Promise.resolve(namespaceRefusal(job, currentMapping())),
  run: (job, signal) => runAhead(job, Promise.resolve(job), signal),
  runAhead,
}

/** Descriptors 3 to 11; then comes the control group's, and two more. */
const PIPES = 9
const MORE_PIPES = 2
/** Where the parts of the base are given. */
const BASE_PIPES = [3, 13, 14]
/** Where standard input is a socket, as it is here, bash takes its caller for a remote one and reads `~/.bashrc`. */
const BASH = ['bash', '--norc', '-c']
/** `./`, so that no name is taken for an option. */
const HERE = Buffer.of(0x2e, 0x2f)
const NUL = Buffer.of(0)

/** What the programs inside have told. */
interface Outcome {
  end: ScriptEnd | undefined
  changed: readonly ChangedName[]
}

async function runAhead(plan: JobPlan, trees: Promise<JobTrees>, signal?: AbortSignal): Promise<Changes> {
  const kit = makeDeviceKit(plan.script)
  // Both are waited for below; until then one of them may fail.
  const unfound = trees.then(
    () => undefined,
    (error: unknown) => ({ error }),
  )
  kit.catch(() => undefined)
  await using stack = new AsyncDisposableStack()
  const users = stack.use(await makeUserNamespace(currentMapping()))
  await using area = await makeTempDir('view-')
  await using memory = limitMemory(plan)
  const spool = stack.use(makeSpool(SPOOL_MEMORY_BYTES))
  const outcome: Outcome = { end: undefined, changed: [] }
  const rights = new MissingRights()
  const [program = '', ...args] = commandLine(plan, await kit, area.path, users.enterArguments)
  let isTold = false
  const talkAbout = async (pipe: (descriptor: number) => Duplex): Promise<void> => {
    const found = await trees
    isTold = true
    memory.warn()
    await talk(plan, found, spool, outcome, pipe)
  }
  try {
    const options: Parameters<typeof spawnUntilSaid>[2] = {
      step: plan.step,
      cwd: '/',
      env: { ...plan.environment, PATH: plan.environment['PATH'] ?? STANDARD_PATH },
      signal: memory.signalWith(signal),
      timeoutSeconds: plan.limits.timeoutSeconds,
      timeBegins: trees,
      input: encodeBinds(plan.store),
      onStderr: (text) => rights.read(text),
      descriptors: [...pipes(PIPES), memory.joinDescriptor, ...pipes(MORE_PIPES)],
      talk: async (pipe) => {
        await Promise.all([give([(await kit).tar], pipe(5)), talkAbout(pipe)])
      },
    }
    stack.use(await spawnUntilSaid(program, args, options, () => outcome.end?.status === 0))
  } catch (error) {
    if (memory.isExceeded()) throw memory.error()
    const failure = isTold ? undefined : await unfound
    if (failure !== undefined && signal?.aborted !== true) throw failure.error
    const isScriptsOwn = error instanceof ScriptError && rights.reason !== undefined
    throw isScriptsOwn ? notGiven(plan, rights.reason, error) : explainFailure(error, plan, outcome.end)
  }
  // The script has gone on without; with another runner it need not.
  if (rights.reason !== undefined) throw notGiven(plan, rights.reason)
  const entries = withBodies(outcome.changed, spool)
  const owner = stack.move()
  return { entries, [Symbol.asyncDispose]: () => Promise.resolve(owner[Symbol.asyncDispose]()) }
}

function pipes(count: number): 'pipe'[] {
  return Array.from({ length: count }, () => 'pipe')
}

/** So that the job is passed on to a runner that can, if there is one. */
function notGiven({ step }: JobPlan, reason: string, cause?: unknown): DockerToolsError {
  const isAlone = currentMapping().uids.every(({ count }) => count === 1)
  const ranges = 'Install uidmap, and give the user a range in /etc/subuid and /etc/subgid, or use the runner vm'
  return new DockerToolsError('RUNNER_UNAVAILABLE', `Cannot run ${step} in namespaces: ${reason}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: isAlone ? ranges : 'Use the runner vm',
  })
}

function commandLine(plan: JobPlan, kit: DeviceKit, area: string, enterArguments: readonly string[]): string[] {
  const enter = ['nsenter', ...enterArguments]
  const mounts = ['unshare', '--mount', '--propagation', 'private']
  const store = [...BASH, STORE_PROGRAM, 'store', area]
  const separate = [...mounts, '--pid', ...BASH, FIRST_PROGRAM, 'first']
  const script = [SCRIPT_PROGRAM, plan.step, ...plan.bashOptions]
  const shown = String(plan.store.binds.length)
  const options = [plan.view, plan.store.dir, shown, kit.bash ?? '', kit.busybox ?? '']
  const tree = [...BASH, TREE_PROGRAM, 'tree', ...options, ...script]
  // Root shows the store while it can still reach all of it; an ordinary user can mount only inside.
  const isRoot = process.getuid?.() === 0
  return isRoot
    ? [...mounts, ...store, ...enter, ...separate, ...tree]
    : [...enter, ...mounts, ...store, ...separate, ...tree]
}

/** What of the base is left out: devices cannot be made here, and those in `/dev` nobody would see. */
function hiddenBase({ view }: JobPlan, { base }: JobTrees): string {
  const hasDevices = base?.entries.some((entry) => entry.type === 'char' || entry.type === 'block') === true
  return hasDevices && view === 'image' ? './dev/*' : './'
}

/** How large the file system of the tree may become. */
function treeOptions({ limits }: JobPlan, { base, upper }: JobTrees): string {
  if (limits.diskMiB === undefined) return 'size=50%'
  const files = (base?.entries.length ?? 0) + upper.entries.length + limits.diskMiB * FILES_PER_MIB + SPARE_FILES
  return `size=${treeBytes(base) + treeBytes(upper) + limits.diskMiB * MIB},nr_inodes=${files}`
}

/** The whole store where all paths are in one folder; one path after the other where they are not. */
function encodeBinds({ dir, binds }: JobStore): Uint8Array {
  const records: string[][] = []
  const [first] = binds
  const folder = first === undefined ? '' : dirname(first.physical)
  const isTogether = binds.every((bind) => bind.physical === join(folder, basename(bind.logical)))
  if (first !== undefined && isTogether && isReadableInside(folder)) {
    records.push(['all', '', folder])
  } else {
    for (const { logical, physical, kind } of binds) {
      const source = kind === 'symlink' ? readlinkSync(physical) : physical
      records.push([kind, logical.slice(dir.length + 1), source])
    }
  }
  return Buffer.from(records.map((record) => record.map((field) => `${field}\0`).join('')).join(''))
}

/** Whether root of the namespaces can list a folder: to files of this machine's root it is somebody else. */
function isReadableInside(folder: string): boolean {
  return process.getuid?.() !== 0 || (statSync(folder).mode & 0o005) === 0o005
}

/** Hands the trees over, and takes what comes back: see `TREE_PROGRAM` for the descriptors. */
async function talk(
  plan: JobPlan,
  trees: JobTrees,
  spool: Spool,
  outcome: Outcome,
  pipe: (descriptor: number) => Duplex,
): Promise<void> {
  const { base, upper } = trees
  const parts = base === undefined ? [] : treeParts(base)
  pipe(8).write(`${treeOptions(plan, trees)} ${hiddenBase(plan, trees)} ${parts.length}\n`)
  const handed = Promise.all([
    ...parts.map((part, index) => give(part, pipe(BASE_PIPES[index] ?? 0))),
    give(upper.tar(), pipe(4)),
  ])
  const [before, after, end] = await Promise.all([
    readListing(pipe(6) as AsyncIterable<Uint8Array>),
    readListing(pipe(7) as AsyncIterable<Uint8Array>),
    textOf(pipe(10)),
    handed,
  ])
  outcome.end = parseEnd(end)
  if (outcome.end?.status !== 0) return
  // Without a base the list before the script is that of an empty folder, which is no folder of a layer below.
  const given = new Set(upper.entries.map(({ path }) => path))
  outcome.changed = compareListings(base === undefined ? NO_FILES : listingOf(base, before, given), after, given)
  const files = outcome.changed.filter((entry) => entry.type === 'file' && entry.size > 0)
  const names = files.map((entry) => Buffer.concat([HERE, byteStringToBytes(entry.path), NUL]))
  const asked = give(names, pipe(8))
  const expected = files.reduce((sum, entry) => sum + (entry.type === 'file' ? entry.size : 0), 0)
  for await (const chunk of pipe(9) as AsyncIterable<Uint8Array>) {
    if (spool.size + chunk.length > expected) break
    await spool.write(chunk)
  }
  await asked
  if (spool.size !== expected) {
    throw new DockerToolsError(
      'INTERNAL',
      `Cannot read what ${plan.step} has made: there are ${spool.size} bytes or more, there should be ${expected}`,
    )
  }
}

const NO_FILES: Listing = new Map()

/** The listing of the base alone: what was laid over it may have been there when it was listed. */
function listingOf(base: TreeSource, listed: Listing, given: ReadonlySet<ByteString>): Listing {
  const own = new Set<ByteString>()
  for (const { path } of base.entries) if (given.has(path)) own.add(path)
  return new Map(Array.from(listed).filter(([path]) => own.has(path) || !given.has(path)))
}

async function textOf(pipe: Duplex): Promise<string> {
  let text = ''
  for await (const chunk of pipe as AsyncIterable<Uint8Array>) text += Buffer.from(chunk).toString('latin1')
  return text
}

/** Contents stand in the spool one behind the other. */
function withBodies(changed: readonly ChangedName[], spool: Spool): ChangedEntry[] {
  let offset = 0
  return changed.map((entry) => {
    if (entry.type !== 'file') return entry
    const body = { kind: 'spool', spool, offset } as const
    offset += entry.size
    return { ...entry, body }
  })
}
