import { type Digest, digestOf } from '#image'
import { expectDigest, pushScopes } from './blob.ts'
import type { RegistryClient } from './registry-client.ts'

/** A manifest or an index, as it is sent. */
export interface ManifestToPut {
  readonly mediaType: string
  readonly bytes: Uint8Array
}

/**
 * Puts a manifest under a tag or its digest. Everything that it names has to be there.
 *
 * @returns Its digest.
 * @throws {TransferError} `ACCESS_DENIED`, `TRANSFER_FAILED`; {IntegrityError} `DIGEST_MISMATCH`.
 */
export async function putManifest(client: RegistryClient, name: string, manifest: ManifestToPut): Promise<Digest> {
  const { bytes, mediaType } = manifest
  const what = `manifest "${name}"`
  await using answer = await client.request({
    method: 'PUT',
    path: `${client.reference.repository}/manifests/${name}`,
    headers: { 'content-type': mediaType },
    body: {
      size: bytes.length,
      async *open() {
        yield bytes
      },
    },
    scopes: pushScopes(client),
    what,
  })
  const digest = digestOf(bytes)
  expectDigest(answer, digest, what, client)
  return digest
}
