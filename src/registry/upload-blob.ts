import { IntegrityError } from '#errors'
import { isPassingFailure, waitForRetry } from '#http'
import { type BlobToUpload, hasBlob, pushScopes } from './blob.ts'
import type { RegistryClient } from './registry-client.ts'
import type { RegistryOptions } from './registry-options.ts'
import { UploadBroken, uploadOf, UploadSession } from './upload-session.ts'

/** How a blob is sent. */
export interface UploadOptions extends Pick<RegistryOptions, 'patience' | 'signal'> {
  /** Repositories of the same registry that may have the blob already, likeliest first. */
  readonly mountFrom?: readonly string[]
  /** Bytes of one request. Default: all of the blob in the first try, pieces afterwards. */
  readonly chunkBytes?: number | undefined
}

/** How a blob came to be where it is. */
export type UploadOutcome = 'mounted' | 'uploaded'

/** Pieces that a large blob is sent in once it has failed as a whole: what has arrived is not sent again. */
const RETRY_CHUNK_BYTES = 16 * 1024 * 1024

/** Registries that take little at once still take this. */
const LEAST_CHUNK_BYTES = 1024 * 1024

/** What an upload has to get on by for its failures to be counted from zero again. */
const PROGRESS_BYTES = 64 * 1024

/** Other bytes than there should be, twice: that is no accident on the way. */
const MAX_WRONG_DIGESTS = 2

/**
 * Brings a blob into a repository that does not have it: mounted from another
 * repository, else sent. An upload that breaks is read on where the registry
 * knows how far it came, and begun again otherwise.
 *
 * @throws {TransferError} `ACCESS_DENIED`, `TRANSFER_FAILED` after several failures without any progress.
 * @throws {IntegrityError} `DIGEST_MISMATCH` if the registry gets other bytes than it should.
 */
export async function uploadBlob(
  client: RegistryClient,
  blob: BlobToUpload,
  options: UploadOptions = {},
): Promise<UploadOutcome> {
  for (const repository of options.mountFrom ?? []) if (await mount(client, blob, repository)) return 'mounted'
  let chunkBytes = options.chunkBytes
  let session: UploadSession | undefined
  let [failures, farthest, wrongDigests] = [0, 0, 0]
  for (;;) {
    try {
      session ??= await begin(client, blob)
      await session.finish(chunkBytes)
      return 'uploaded'
    } catch (error) {
      const broken = error instanceof UploadBroken ? error : undefined
      if (broken === undefined && !isPassingFailure(error)) throw error
      const reached = session?.offset ?? 0
      failures = reached - farthest >= PROGRESS_BYTES ? 1 : failures + 1
      farthest = Math.max(farthest, reached)
      if (broken?.kind === 'digest' && ++wrongDigests >= MAX_WRONG_DIGESTS) throw wrongBytes(client, blob)
      const { registry, repository } = client.reference
      const wait = { patience: options.patience, signal: options.signal }
      if (!(await waitForRetry(failures, broken?.headers ?? {}, `https://${registry}/${repository}`, wait))) {
        throw broken?.failure ?? error
      }
      // The answer may be what was lost.
      if (await hasBlob(client, blob.digest, blob.size)) return 'uploaded'
      chunkBytes = nextChunkBytes(chunkBytes, blob, broken)
      const isUsable = broken === undefined || broken.kind === 'later'
      session = isUsable && session !== undefined && (await resumed(session)) ? session : undefined
    }
  }
}

/** Without a right to the other repository, or without the blob there, it is sent. */
async function mount(client: RegistryClient, blob: BlobToUpload, from: string): Promise<boolean> {
  const { repository } = client.reference
  const query = `mount=${encodeURIComponent(blob.digest)}&from=${encodeURIComponent(from)}`
  await using answer = await client.request({
    method: 'POST',
    path: `${repository}/blobs/uploads/?${query}`,
    scopes: [...pushScopes(client), `repository:${from}:pull`],
    what: `blob "${blob.digest}" of "${from}"`,
    allowStatus: [400, 401, 403, 404, 405],
  })
  return answer.status === 201
}

async function begin(client: RegistryClient, blob: BlobToUpload): Promise<UploadSession> {
  await using answer = await client.request({
    method: 'POST',
    path: `${client.reference.repository}/blobs/uploads/`,
    scopes: pushScopes(client),
    what: uploadOf(blob),
  })
  return new UploadSession(client, blob, answer)
}

/** A registry that does not tell how far an upload came gets it from the start. */
async function resumed(session: UploadSession): Promise<boolean> {
  try {
    return await session.resume()
  } catch (error) {
    if (isPassingFailure(error)) return false
    throw error
  }
}

function nextChunkBytes(
  current: number | undefined,
  { size }: BlobToUpload,
  broken: UploadBroken | undefined,
): number | undefined {
  if (broken?.kind === 'size') return Math.max(LEAST_CHUNK_BYTES, Math.floor((current ?? size) / 4))
  return current ?? (size > RETRY_CHUNK_BYTES ? RETRY_CHUNK_BYTES : undefined)
}

function wrongBytes({ reference }: RegistryClient, { digest }: BlobToUpload): IntegrityError {
  return new IntegrityError(
    'DIGEST_MISMATCH',
    `Cannot push "${reference.registry}/${reference.repository}": the registry has got other bytes than those of blob "${digest}"`,
    { expected: digest, actual: 'unknown' },
  )
}
