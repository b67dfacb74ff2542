import { report } from '#events'
import type { Digest } from '#image'
import {
  type BlobToUpload,
  checkPush,
  hasBlob,
  isNewRepository,
  type RegistryClient,
  UploadAhead,
  uploadBlob,
  type UploadOptions,
} from '#registry'
import { Slots } from '#util'
import type { PackedCache } from './packed-cache.ts'
import type { BlobName } from './kept-blob.ts'
import type { PushSummary } from './push-options.ts'

/** Uploads at once: connections to one registry, and a buffer each. */
const UPLOADS_AT_ONCE = 4

/** Questions at once. */
const QUESTIONS_AT_ONCE = 8

/** Brings blobs into one repository, each once, and only if it is not there. */
export class BlobPusher {
  readonly #client: RegistryClient
  readonly #cache: PackedCache
  readonly #options: UploadOptions
  readonly #questions = new Slots(QUESTIONS_AT_ONCE)
  readonly #uploads = new Slots(UPLOADS_AT_ONCE)
  readonly #there = new Map<Digest, Promise<boolean>>()
  readonly #pushed = new Map<Digest, Promise<void>>()
  readonly #counts = { there: 0, mounted: 0, uploaded: 0 }
  #uploadedBytes = 0
  #mayPush: Promise<void> | undefined
  #isNew: Promise<boolean> | undefined

  constructor(client: RegistryClient, cache: PackedCache, options: UploadOptions) {
    this.#client = client
    this.#cache = cache
    this.#options = options
  }

  /** Whether this user may push, asked once. @throws {TransferError} if not. */
  mayPush(): Promise<void> {
    this.#mayPush ??= checkPush(this.#client)
    return this.#mayPush
  }

  /** Asks the registry, once. */
  isThere({ digest, size }: BlobName): Promise<boolean> {
    const known = this.#there.get(digest) ?? this.#questions.run(() => hasBlob(this.#client, digest, size))
    this.#there.set(digest, known)
    return known
  }

  /**
   * Whether blobs may be sent of which nobody knows yet what they are called, as that cannot be in vain: the repository
   * has nothing. Asked once.
   */
  async mayGoAhead(): Promise<boolean> {
    const { chunkBytes, mountFrom = [] } = this.#options
    if (chunkBytes !== undefined || mountFrom.length > 0) return false
    this.#isNew ??= isNewRepository(this.#client)
    return await this.#isNew
  }

  /**
   * Begins to send a blob that has no name yet. Where that may not be, or enough is being sent, it is asked for, and sent,
   * once it has one. A registry that has refused it once is not asked again.
   */
  async ahead(open: () => AsyncIterable<Uint8Array>): Promise<UploadAhead | undefined> {
    if (!(await this.mayGoAhead()) || !this.#uploads.takeNow()) return undefined
    const upload = new UploadAhead(this.#client, open)
    const watch = async (): Promise<void> => {
      if (!(await upload.settled())) this.#isNew = Promise.resolve(false)
      this.#uploads.release()
    }
    void watch()
    return upload
  }

  /** Uploads a blob that is not there, or names the one that was sent ahead. */
  push(blob: BlobToUpload, ahead?: UploadAhead): Promise<void> {
    const known = this.#pushed.get(blob.digest) ?? this.#push(blob, ahead)
    this.#pushed.set(blob.digest, known)
    return known
  }

  get summary(): Pick<PushSummary, 'blobs' | 'uploadedBytes'> {
    return { blobs: { ...this.#counts }, uploadedBytes: this.#uploadedBytes }
  }

  async #push(blob: BlobToUpload, ahead: UploadAhead | undefined): Promise<void> {
    const { digest, size } = blob
    const outcome = (await ahead?.finish(blob)) === true ? 'uploaded' : await this.#bring(blob)
    this.#counts[outcome]++
    if (outcome === 'uploaded') this.#uploadedBytes += size
    report({ type: 'pushed-blob', digest, bytes: size, outcome })
    const { registry, repository } = this.#client.reference
    await this.#cache.addPlace(digest, registry, repository)
  }

  async #bring(blob: BlobToUpload): Promise<'there' | 'mounted' | 'uploaded'> {
    return (await this.isThere(blob)) ? 'there' : await this.#uploads.run(() => this.#upload(blob))
  }

  async #upload(blob: BlobToUpload): Promise<'mounted' | 'uploaded'> {
    const { registry, repository } = this.#client.reference
    const known = await this.#cache.placesOf(blob.digest, registry)
    const mountFrom = [...new Set([...(this.#options.mountFrom ?? []), ...known])].filter((from) => from !== repository)
    return await uploadBlob(this.#client, blob, { ...this.#options, mountFrom })
  }
}
