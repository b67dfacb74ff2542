import { existsSync, mkdirSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { DockerToolsError, IntegrityError, systemErrorCode } from '#errors'
import { treeEntries, type TreeEntry } from '#tree'
import { toByteString } from '#util'
import { addGcRoot } from './add-gc-root.ts'
import { checkOutputReferences } from './check-output-references.ts'
import { collectGarbage } from './collect-garbage.ts'
import { copyClosure } from './copy-closure.ts'
import { type CopyOptions, copyTree } from './copy-tree.ts'
import { isOnDisk } from './disk-entries.ts'
import { formatHash, type Hash, hashBytes, hashesEqual } from './hash.ts'
import { LocalDatabase, type Registration } from './local-database.ts'
import { type LocalLayout, localLayout } from './local-layout.ts'
import { lockPath } from './lock-path.ts'
import { makeLocalStore } from './make-local-store.ts'
import { makeSourcePath, makeTextPath } from './make-path.ts'
import { fileTree } from './memory-tree.ts'
import type { MeteredNar } from './nar-meter.ts'
import type { PathInfo } from './path-info.ts'
import { pathMissing } from './path-missing.ts'
import { removeTree } from './remove-tree.ts'
import { stageOutput } from './stage-output.ts'
import { storeError } from './store-error.ts'
import type { StoreOptions } from './store-options.ts'
import { compareStorePaths, findNameFault, storePathBaseName, storePathHash, type StorePath } from './store-path.ts'
import { type StagedPath, StoreWriter } from './store-writer.ts'
import type { Store } from './store.ts'
import { unpackEntries } from './unpack-entries.ts'
import { verifyStore } from './verify-store.ts'
import type {
  AddOptions,
  CopyReport,
  GarbageOptions,
  GarbageReport,
  NewOutput,
  OutputOptions,
  RootOptions,
  VerifyOptions,
  VerifyReport,
  WritableStore,
} from './writable-store.ts'

/**
 * A store below a folder of its own, as Nix lays out a chroot store. It is
 * made when something is first written; until then it has nothing.
 */
export class LocalStore implements WritableStore {
  readonly dir: string
  readonly uri: string
  readonly root: string
  readonly #layout: LocalLayout
  readonly #now: () => number
  readonly #signal: AbortSignal | undefined
  #database: LocalDatabase | undefined
  #writer: Promise<StoreWriter> | undefined

  constructor(root: string, dir: string, options: StoreOptions = {}) {
    this.root = root
    this.dir = dir
    this.uri = `local:${root}`
    this.#layout = localLayout(root)
    this.#signal = options.signal
    this.#now = options.now ?? (() => performance.timeOrigin + performance.now())
  }

  /** Whether there is a store at `root`. */
  static exists(root: string): boolean {
    return existsSync(localLayout(root).database)
  }

  async pathInfo(path: StorePath): Promise<PathInfo> {
    const info = this.#read()?.find(path)
    if (info === undefined) throw pathMissing(path, this.uri)
    return info
  }

  async has(path: StorePath): Promise<boolean> {
    return this.#read()?.has(path) === true
  }

  async findByHashPart(hashPart: string): Promise<StorePath | undefined> {
    return this.#read()?.findByHashPart(hashPart)
  }

  async *entries(path: StorePath): AsyncGenerator<TreeEntry> {
    yield* treeEntries(toByteString(await this.#placeOf(path)), 'bytes')
  }

  async realPath(path: StorePath): Promise<string> {
    return await this.#placeOf(path)
  }

  async addLocal(physicalPath: string, name: string, options: AddOptions = {}): Promise<StorePath> {
    checkName(name)
    const writer = await this.#write()
    await this.#refuseOwnFolder(physicalPath)
    const copying: CopyOptions = {
      ...(options.filter === undefined ? {} : { includes: options.filter }),
      ...(this.#signal === undefined ? {} : { signal: this.#signal }),
    }
    return await this.#addSource(name, writer, (target) =>
      copyTree(toByteString(resolve(physicalPath)), target, copying),
    )
  }

  async addEntries(name: string, entries: AsyncIterable<TreeEntry> | Iterable<TreeEntry>): Promise<StorePath> {
    checkName(name)
    const writer = await this.#write()
    return await this.#addSource(name, writer, (target) => unpackEntries(entries, target))
  }

  async addText(name: string, text: string | Uint8Array, references: readonly StorePath[] = []): Promise<StorePath> {
    const bytes = Buffer.from(text)
    const hash = hashBytes('sha256', bytes)
    const sorted = [...new Set(references)].toSorted(compareStorePaths)
    const path = makeTextPath(name, hash, sorted, this.dir)
    const writer = await this.#write()
    if ((await writer.keep([path])).length === 0) return path
    await this.#stage(writer, `add "${name}" to`, async (physical) => {
      const metered = await unpackEntries(fileTree(bytes), physical)
      const registration = this.#register(path, metered, sorted, { contentAddress: `text:${describe(hash)}` })
      await writer.commit([{ physical, registration }])
    })
    return path
  }

  async scratchPath(): Promise<string> {
    return (await this.#write()).room.freshPath()
  }

  async lock(path: StorePath): Promise<Disposable> {
    await this.#write()
    return await this.#asStoreError(`lock "${path}" in`, () => lockPath(this.#layout.pathLocks, path, this.#signal))
  }

  async registerOutput(path: StorePath, physicalTemp: string, options: OutputOptions): Promise<PathInfo> {
    const [info] = await this.registerOutputs([{ path, physicalTemp }], options)
    // One for each output, and there was one.
    return info!
  }

  async registerOutputs(outputs: readonly NewOutput[], options: OutputOptions): Promise<readonly PathInfo[]> {
    const writer = await this.#write()
    const paths = [...options.known, ...outputs.map(({ path }) => path)]
    const known = new Map(paths.map((path) => [storePathHash(path), path]))
    const stage = async ({ path, physicalTemp, contentAddress }: NewOutput): Promise<StagedPath> => {
      const { physical, metered } = await stageOutput(physicalTemp, writer.room, new Set(known.keys()))
      const references = [...metered.hashParts].map((part) => known.get(part)!).toSorted(compareStorePaths)
      const { deriver } = options
      const more = { isBuiltHere: true, ...(deriver === undefined ? {} : { deriver }) }
      const address = contentAddress === undefined ? {} : { contentAddress }
      return { physical, registration: this.#register(path, metered, references, { ...more, ...address }) }
    }
    // One after the other: none may still be at work when another has failed and the room is gone.
    const staged: StagedPath[] = []
    for (const output of outputs) {
      staged.push(await this.#asStoreError('register outputs in', () => stage(output)))
    }
    checkOutputReferences(staged.map(({ registration }) => registration))
    // All or nothing, also where one of them is there with another content.
    for (const { registration } of staged) checkSame(this.#read()?.find(registration.path), registration, this.uri)
    await writer.commit(staged)
    const infos = await Promise.all(outputs.map(({ path }) => this.pathInfo(path)))
    // Somebody else may have been quicker.
    for (const [index, info] of infos.entries()) checkSame(info, staged[index]!.registration, this.uri)
    for (const { physical } of staged) removeTree(physical)
    return infos
  }

  async copyClosure(from: Store, roots: readonly StorePath[]): Promise<CopyReport> {
    if (from.dir !== this.dir) {
      throw new DockerToolsError(
        'STORE_UNAVAILABLE',
        `Cannot copy from "${from.uri}" to "${this.uri}": it is for the store folder "${from.dir}", it should be for "${this.dir}"`,
      )
    }
    const writer = await this.#write()
    return await this.#asStoreError('copy to', () =>
      copyClosure(from, roots, writer, { registeredSeconds: () => this.#seconds(), signal: this.#signal }),
    )
  }

  async keep(paths: readonly StorePath[]): Promise<readonly StorePath[]> {
    return await (await this.#write()).keep(paths)
  }

  async addRoot(link: string, path: StorePath, { target = 'logical' }: RootOptions = {}): Promise<void> {
    const writer = await this.#write()
    if ((await writer.keep([path])).length > 0) throw pathMissing(path, this.uri)
    const shown = target === 'logical' ? path : join(this.#layout.storeDir, storePathBaseName(path))
    addGcRoot(this.#layout, resolve(link), shown)
  }

  async collectGarbage(options: GarbageOptions = {}): Promise<GarbageReport> {
    const { room } = await this.#write()
    const site = { layout: this.#layout, storeDir: this.dir, database: this.#read()!, room }
    return await collectGarbage(site, options)
  }

  async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    const database = this.#read()
    return database === undefined ? { pathCount: 0, faults: [] } : await verifyStore(this.#layout, database, options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const writer = await this.#writer?.catch(() => undefined)
    writer?.[Symbol.dispose]()
    this.#database?.[Symbol.dispose]()
    this.#writer = undefined
    this.#database = undefined
  }

  #read(): LocalDatabase | undefined {
    if (this.#database === undefined && existsSync(this.#layout.database)) {
      this.#database = new LocalDatabase(this.#layout, this.dir)
    }
    return this.#database
  }

  #write(): Promise<StoreWriter> {
    this.#writer ??= this.#openToWrite().catch((error: unknown) => {
      this.#writer = undefined
      throw storeError(`write to store "${this.uri}"`, error)
    })
    return this.#writer
  }

  async #openToWrite(): Promise<StoreWriter> {
    mkdirSync(this.root, { recursive: true })
    await makeLocalStore(this.#layout)
    // It has just been made, or was there.
    return await StoreWriter.open(this.#layout, this.#read()!)
  }

  async #placeOf(path: StorePath): Promise<string> {
    await this.pathInfo(path)
    const place = join(this.#layout.storeDir, storePathBaseName(path))
    if (await isOnDisk(place)) return place
    throw new DockerToolsError(
      'STORE_PATH_MISSING',
      `Cannot read store path "${path}": store "${this.uri}" knows it, but it is not on disk, where it should be`,
      { hint: 'Something else has deleted it; "dockertools store verify" shows what is missing' },
    )
  }

  async #addSource(
    name: string,
    writer: StoreWriter,
    fill: (target: string) => Promise<MeteredNar>,
  ): Promise<StorePath> {
    return await this.#stage(writer, `add "${name}" to`, async (physical) => {
      const metered = await fill(physical)
      const path = makeSourcePath(name, metered.narHash, {}, this.dir)
      const contentAddress = `fixed:r:${describe(metered.narHash)}`
      await writer.commit([{ physical, registration: this.#register(path, metered, [], { contentAddress }) }])
      return path
    })
  }

  /** Does something at a fresh place, and leaves nothing there. */
  async #stage<Result>(
    writer: StoreWriter,
    what: string,
    work: (physical: string) => Promise<Result>,
  ): Promise<Result> {
    const physical = writer.room.freshPath()
    try {
      return await this.#asStoreError(what, () => work(physical))
    } finally {
      removeTree(physical)
    }
  }

  async #asStoreError<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      throw storeError(`${what} store "${this.uri}"`, error)
    }
  }

  #register(
    path: StorePath,
    { narHash, narSize }: MeteredNar,
    references: readonly StorePath[],
    more: Partial<Registration>,
  ): Registration {
    return { path, narHash, narSize, references, signatures: [], registeredSeconds: this.#seconds(), ...more }
  }

  #seconds(): number {
    return Math.floor(this.#now() / 1000)
  }

  /** What is copied would grow by what is copied. */
  async #refuseOwnFolder(physicalPath: string): Promise<void> {
    const [source, own] = await Promise.all([realParent(physicalPath), realpath(this.#layout.ownDir)])
    if (own !== source && !own.startsWith(source.endsWith('/') ? source : `${source}/`)) return
    throw new DockerToolsError(
      'USAGE',
      `Cannot add "${physicalPath}" to store "${this.uri}": the store is in it, it should be somewhere else`,
    )
  }
}

/** The physical path of something whose own name may be that of a symlink, which is then meant itself. */
async function realParent(path: string): Promise<string> {
  try {
    return join(await realpath(dirname(resolve(path))), resolve(path).split('/').at(-1)!)
  } catch (error) {
    const code = systemErrorCode(error) ?? String(error)
    throw new DockerToolsError('FILE_UNREADABLE', `Cannot read "${path}": ${code}`, { cause: error })
  }
}

function describe(hash: Hash): string {
  return `${hash.algorithm}:${formatHash(hash, 'nix32')}`
}

function checkName(name: string): void {
  const fault = findNameFault(name)
  if (fault === undefined) return
  throw new DockerToolsError('STORE_PATH_INVALID', `Cannot make a store path for ${JSON.stringify(name)}: ${fault}`)
}

function checkSame(there: PathInfo | undefined, made: PathInfo, uri: string): void {
  if (there === undefined || hashesEqual(there.narHash, made.narHash)) return
  const [actual, expected] = [formatHash(made.narHash, 'sri'), formatHash(there.narHash, 'sri')]
  throw new IntegrityError(
    'DIGEST_MISMATCH',
    `Cannot register "${made.path}" in store "${uri}": it is there with the NAR hash ${expected}, what was made now has ${actual}`,
    { actual, expected, hint: 'It is not built the same every time' },
  )
}
