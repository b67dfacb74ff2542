import { IntegrityError } from '#errors'
import type { HttpResponse } from '#http'
import type { Digest } from '#image'
import type { RegistryClient } from './registry-client.ts'

/** A blob that is to be in a registry. */
export interface BlobToUpload {
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
  /**
   * The bytes from `offset` on. Asked anew for each try. A chunk is valid until the next one is asked for.
   */
  open(offset: number): AsyncIterable<Uint8Array>
}

/** Statuses of answers that say no, for requests to which that is no error. */
export const ANY_REFUSAL: readonly number[] = Array.from({ length: 200 }, (_, index) => 400 + index)

/** What a token for pushing has to allow. */
export function pushScopes({ reference }: RegistryClient): readonly string[] {
  return [`repository:${reference.repository}:pull,push`]
}

/** Whether the repository has the blob. One of another size is not it. */
export async function hasBlob(client: RegistryClient, digest: Digest, size: number | undefined): Promise<boolean> {
  await using answer = await client.request({
    method: 'HEAD',
    path: `${client.reference.repository}/blobs/${digest}`,
    scopes: pushScopes(client),
    what: `blob "${digest}"`,
    allowStatus: [404],
  })
  const length = answer.headers['content-length']
  return answer.status === 200 && (size === undefined || length === undefined || Number(length) === size)
}

/** @throws {IntegrityError} `DIGEST_MISMATCH` if the registry calls what it was given by another digest. */
export function expectDigest({ headers }: HttpResponse, digest: Digest, what: string, client: RegistryClient): void {
  const actual = headers['docker-content-digest']
  if (actual === undefined || actual === digest) return
  const { registry, repository } = client.reference
  throw new IntegrityError(
    'DIGEST_MISMATCH',
    `Cannot push "${registry}/${repository}": the registry has taken ${what} as "${actual}", it should be "${digest}"`,
    { expected: digest, actual },
  )
}
