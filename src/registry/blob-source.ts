import { DockerToolsError, systemErrorCode } from '#errors'
import type { BlobCache } from './blob-cache.ts'
import type { BlobDescriptor } from './parse-manifest.ts'
import type { RegistryClient, RegistryRequest } from './registry-client.ts'
import { VerifiedBlob } from './verified-blob.ts'

/** Blobs of a repository: from the cache where it has them, else from the registry, and then into the cache. */
export class BlobSource {
  readonly #client: RegistryClient
  readonly #cache: BlobCache | undefined

  constructor(client: RegistryClient, cache: BlobCache | undefined) {
    this.#client = client
    this.#cache = cache
  }

  /**
   * Hands a blob's bytes to `use`; they have been checked once this has ended well.
   *
   * @param use May be called twice: a cache that is damaged is found out on the way.
   * @throws {IntegrityError} `DIGEST_MISMATCH`, `SIZE_MISMATCH`; as `RegistryClient.request`, and what `use` throws.
   */
  async withBlob<T>(
    blob: BlobDescriptor,
    request: Pick<RegistryRequest, 'path' | 'what' | 'headers'>,
    use: (bytes: AsyncIterable<Uint8Array>) => Promise<T>,
  ): Promise<T> {
    const cache = this.#cache
    if (cache !== undefined && (await cache.has(blob.digest, blob.size))) {
      const checked = new VerifiedBlob(cache.read(blob.digest), blob, `cached ${request.what}`)
      try {
        return await useWhole(checked, use)
      } catch (error) {
        if (!(await isDamaged(checked, error))) throw this.#client.explain(error)
        await cache.discard(blob.digest)
      }
    }
    return await this.#fetch(blob, request, use)
  }

  async #fetch<T>(
    blob: BlobDescriptor,
    { path, what, headers }: Pick<RegistryRequest, 'path' | 'what' | 'headers'>,
    use: (bytes: AsyncIterable<Uint8Array>) => Promise<T>,
  ): Promise<T> {
    const { registry, repository } = this.#client.reference
    try {
      await using response = await this.#client.request({
        path,
        what,
        scopes: [`repository:${repository}:pull`],
        maxBytes: blob.size + 1,
        isImmutable: true,
        ...(headers === undefined ? {} : { headers }),
      })
      const checked = new VerifiedBlob(response.body, blob, `${what} of "${registry}/${repository}"`)
      const kept = this.#cache?.keep(blob.digest, checked) ?? checked
      return await useWhole(checked, use, kept)
    } catch (error) {
      throw this.#client.explain(error)
    }
  }
}

async function useWhole<T>(
  checked: VerifiedBlob,
  use: (bytes: AsyncIterable<Uint8Array>) => Promise<T>,
  bytes: AsyncIterable<Uint8Array> = checked,
): Promise<T> {
  const iterator = bytes[Symbol.asyncIterator]()
  try {
    // A reader may stop before the end, as those of compressed streams do: what is left is checked all the same.
    const result = await use({ [Symbol.asyncIterator]: () => ({ next: () => iterator.next() }) })
    while ((await iterator.next()).done !== true);
    return result
  } catch (error) {
    throw await checked.explain(error)
  } finally {
    await iterator.return?.()
    await checked.close()
  }
}

/** Whether the cache is to blame: it cannot be read, or holds something else. */
async function isDamaged(checked: VerifiedBlob, error: unknown): Promise<boolean> {
  const reason = await checked.explain(error)
  if (reason instanceof DockerToolsError) return reason.code === 'DIGEST_MISMATCH' || reason.code === 'SIZE_MISMATCH'
  return systemErrorCode(reason) !== undefined
}
