import { renameSync, writeFileSync } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, stat, unlink, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { DockerToolsError, systemErrorCode } from '#errors'
import { type Digest, digestHex, parseDigest } from '#image'
import { makeSpool, makeTempDir, type TempDir } from '#util'
import { type BlobDraft, type BlobName, fileBlob, fileDraft, type KeptBlob, spoolDraft } from './kept-blob.ts'

/** Changed when what is remembered changes. */
const CACHE_VERSION = 1

/** All blobs together; those that were not used for longest go first. */
const MAX_CACHE_BYTES = 8 * 1024 * 1024 * 1024

/** Blobs that are not kept wait in memory up to here, in a file without a name above. */
const SPOOL_MEMORY_BYTES = 1024 * 1024

/** What a killed process may have left behind is removed once it is a day old. */
const STALE_MS = 24 * 60 * 60 * 1000

/**
 * Remembers what layers become when they are compressed, and keeps the
 * compressed bytes, so that no layer is compressed twice.
 *
 * Nothing depends on it: a cache that cannot be read or written only costs time.
 */
export class PackedCache implements AsyncDisposable {
  readonly #names: string
  readonly #blobs: string
  readonly #places: string
  readonly #isUsed: boolean
  readonly #now: () => number
  #drafts: Promise<TempDir | undefined> | undefined
  #lastDraft = 0

  /**
   * @param directory Made when first needed; undefined keeps nothing.
   * @param now Milliseconds since 1970: decides only what is removed first.
   */
  constructor(directory: string | undefined, now: () => number) {
    this.#isUsed = directory !== undefined
    const root = join(directory ?? '', `packed-v${CACHE_VERSION}`)
    this.#names = join(root, 'names')
    this.#blobs = join(root, 'blobs')
    this.#places = join(root, 'places')
    this.#now = now
  }

  /** What the layer `diffId` became in the form `form`, such as `gz`. */
  async recall(diffId: Digest, form: string): Promise<BlobName | undefined> {
    const found = await this.#readJson(this.#nameFile(diffId, form))
    if (typeof found !== 'object' || found === null) return undefined
    const { digest, size } = found as Readonly<Record<string, unknown>>
    if (typeof digest !== 'string' || !Number.isSafeInteger(size)) return undefined
    return isDigest(digest) ? { digest, size: size as number } : undefined
  }

  async remember(diffId: Digest, form: string, { digest, size }: BlobName): Promise<void> {
    await this.#writeJson(this.#nameFile(diffId, form), { digest, size })
  }

  /** Repositories of a registry that a blob is known to have been in. */
  async placesOf(digest: Digest, registry: string): Promise<readonly string[]> {
    const found = await this.#readJson(this.#placeFile(digest, registry))
    return Array.isArray(found) ? found.filter((item) => typeof item === 'string') : []
  }

  /** The latest few are remembered. */
  async addPlace(digest: Digest, registry: string, repository: string): Promise<void> {
    const known = await this.placesOf(digest, registry)
    if (known[0] === repository) return
    const places = [repository, ...known.filter((other) => other !== repository)].slice(0, 4)
    await this.#writeJson(this.#placeFile(digest, registry), places)
  }

  /** The bytes of a blob, where they are kept. */
  async open(name: BlobName): Promise<KeptBlob | undefined> {
    if (!this.#isUsed) return undefined
    const file = this.#blobFile(name.digest)
    try {
      const handle = await open(file, 'r')
      if ((await handle.stat()).size === name.size) {
        const seconds = this.#now() / 1000
        await utimes(file, seconds, seconds).catch(() => undefined)
        return fileBlob(handle, name)
      }
      await handle.close()
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error
    }
    return undefined
  }

  /** A blob that turned out to be none. */
  async forget(digest: Digest): Promise<void> {
    if (this.#isUsed) await unlink(this.#blobFile(digest)).catch(() => undefined)
  }

  /** Where a new blob is written to. It is kept once it is whole. */
  async draft(): Promise<BlobDraft> {
    const folder = await this.#draftFolder()
    if (folder === undefined) return this.spool()
    const file = join(folder.path, `${++this.#lastDraft}`)
    return fileDraft(await open(file, 'wx+', 0o600), async (digest) => {
      // Another process may have been first: it is the same blob.
      await rename(file, this.#blobFile(digest)).catch(() => undefined)
    })
  }

  /** Where a blob is written to that is not worth keeping. */
  spool(): BlobDraft {
    return spoolDraft(makeSpool(SPOOL_MEMORY_BYTES))
  }

  /** Removes what is too much. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#drafts === undefined) return
    await (await this.#drafts)?.[Symbol.asyncDispose]()
    try {
      await this.#trim()
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error
    }
  }

  #draftFolder(): Promise<TempDir | undefined> {
    this.#drafts ??= this.#makeDraftFolder()
    return this.#drafts
  }

  async #makeDraftFolder(): Promise<TempDir | undefined> {
    if (!this.#isUsed) return undefined
    try {
      await mkdir(this.#blobs, { recursive: true, mode: 0o700 })
      return await makeTempDir('blob-', this.#blobs)
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error
      return undefined
    }
  }

  async #trim(): Promise<void> {
    const files: { readonly path: string; readonly size: number; readonly usedMs: number }[] = []
    for (const entry of await readdir(this.#blobs, { withFileTypes: true })) {
      const path = join(this.#blobs, entry.name)
      const { size, mtimeMs } = await stat(path)
      if (entry.isDirectory() && mtimeMs + STALE_MS < this.#now()) await rm(path, { recursive: true, force: true })
      if (entry.isFile()) files.push({ path, size, usedMs: mtimeMs })
    }
    let total = files.reduce((sum, file) => sum + file.size, 0)
    for (const file of files.toSorted((a, b) => a.usedMs - b.usedMs)) {
      if (total <= MAX_CACHE_BYTES) return
      await unlink(file.path)
      total -= file.size
    }
  }

  #nameFile(diffId: Digest, form: string): string {
    return join(this.#names, `${form}-${digestHex(diffId)}`)
  }

  #placeFile(digest: Digest, registry: string): string {
    return join(this.#places, encodeURIComponent(registry), digestHex(digest))
  }

  #blobFile(digest: Digest): string {
    return join(this.#blobs, digestHex(digest))
  }

  async #readJson(file: string): Promise<unknown> {
    if (!this.#isUsed) return undefined
    try {
      return JSON.parse(await readFile(file, 'utf8'))
    } catch {
      // Missing, unreadable or half-written: found out anew.
      return undefined
    }
  }

  async #writeJson(file: string, value: unknown): Promise<void> {
    if (!this.#isUsed) return
    const temporary = `${file}.${process.pid}`
    try {
      await mkdir(join(file, '..'), { recursive: true, mode: 0o700 })
      // At once: no signal comes between the two, after which nobody would take the temporary file away.
      writeFileSync(temporary, JSON.stringify(value), { mode: 0o600 })
      renameSync(temporary, file)
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error
      await rm(temporary, { force: true }).catch(() => undefined)
    }
  }
}

function isDigest(text: string): text is Digest {
  try {
    return parseDigest(text) === text
  } catch (error) {
    if (error instanceof DockerToolsError) return false
    throw error
  }
}
