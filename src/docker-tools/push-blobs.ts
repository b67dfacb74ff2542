import { report } from '#events'
import type { Digest } from '#image'
import { type BlobToUpload, checkPush, hasBlob, type RegistryClient, uploadBlob, type UploadOptions } from '#registry'
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

  /** Uploads a blob that is not there. */
  push(blob: BlobToUpload): Promise<void> {
    const known = this.#pushed.get(blob.digest) ?? this.#push(blob)
    this.#pushed.set(blob.digest, known)
    return known
  }

  get summary(): Pick<PushSummary, 'blobs' | 'uploadedBytes'> {
    return { blobs: { ...this.#counts }, uploadedBytes: this.#uploadedBytes }
  }

  async #push(blob: BlobToUpload): Promise<void> {
    const { digest, size } = blob
    const isThere = await this.isThere(blob)
    const outcome = isThere ? 'there' : await this.#uploads.run(() => this.#upload(blob))
    this.#counts[outcome]++
    if (outcome === 'uploaded') this.#uploadedBytes += size
    report({ type: 'pushed-blob', digest, bytes: size, outcome })
    const { registry, repository } = this.#client.reference
    await this.#cache.addPlace(digest, registry, repository)
  }

  async #upload(blob: BlobToUpload): Promise<'mounted' | 'uploaded'> {
    const { registry, repository } = this.#client.reference
    const known = await this.#cache.placesOf(blob.digest, registry)
    const mountFrom = [...new Set([...(this.#options.mountFrom ?? []), ...known])].filter((from) => from !== repository)
    return await uploadBlob(this.#client, blob, { ...this.#options, mountFrom })
  }
}
