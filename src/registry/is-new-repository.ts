import { readResponse } from '#http'
import { isJsonArray, isJsonObject, parseJson } from '#image'
import { pushScopes } from './blob.ts'
import type { RegistryClient } from './registry-client.ts'
import { readReasons } from './registry-error.ts'

/** A list with one tag in it. */
const MAX_ANSWER_BYTES = 64 * 1024

/**
 * Whether the registry knows nothing of the repository, or no tag in it: then there is no blob in it that an image of it
 * could have left. A registry that does not say so, as one that has no lists of tags, has to be asked for each blob.
 */
export async function isNewRepository(client: RegistryClient): Promise<boolean> {
  const { repository } = client.reference
  try {
    await using answer = await client.request({
      path: `${repository}/tags/list?n=1`,
      scopes: pushScopes(client),
      what: `tags of "${repository}"`,
      maxBytes: MAX_ANSWER_BYTES,
      allowStatus: [404],
      patience: { attempts: 1 },
    })
    if (answer.status === 404) return (await readReasons(answer)).some(({ code }) => code === 'NAME_UNKNOWN')
    const list = parseJson(Buffer.from(await readResponse(answer, MAX_ANSWER_BYTES)).toString(), 'list of tags')
    const tags = isJsonObject(list) ? list.get('tags') : undefined
    return tags === null || (isJsonArray(tags) && tags.length === 0)
  } catch {
    // What was in the way is in the way of what comes next, too, or is no matter.
    return false
  }
}
