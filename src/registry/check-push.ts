import { TransferError } from '#errors'
import { ANY_REFUSAL, pushScopes } from './blob.ts'
import type { RegistryClient } from './registry-client.ts'

/**
 * Finds out whether this user may push to the repository, by an upload that is begun and given up: better told now
 * than after minutes of compressing.
 *
 * @throws {TransferError} `ACCESS_DENIED`, `TRANSFER_FAILED`.
 */
export async function checkPush(client: RegistryClient): Promise<void> {
  const scopes = pushScopes(client)
  const what = `pushing to repository "${client.reference.repository}"`
  await using opened = await client.request({
    method: 'POST',
    path: `${client.reference.repository}/blobs/uploads/`,
    scopes,
    what,
  })
  const giveUp = { method: 'DELETE', path: client.locationOf(opened), scopes, what, allowStatus: ANY_REFUSAL } as const
  try {
    await using _ = await client.request({ ...giveUp, patience: { attempts: 1 } })
  } catch (error) {
    // The registry removes what is left in its own time.
    if (!(error instanceof TransferError)) throw error
  }
}
