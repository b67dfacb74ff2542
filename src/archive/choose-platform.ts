import { DockerToolsError } from '#errors'
import { formatPlatform, hostPlatform, type Platform, platformMatches } from '#image'

/**
 * The one of several images that runs on the platform that is asked for; without
 * one, the only image, or the one for this machine.
 *
 * @throws {DockerToolsError} `DEFINITION_INVALID`, `FORMAT_UNSUPPORTED`; both list what is there.
 */
export function choosePlatform<T>(
  candidates: readonly T[],
  platformOf: (candidate: T) => Platform,
  asked: Platform | undefined,
  what: string,
): T {
  const [only] = candidates
  if (asked === undefined && candidates.length === 1 && only !== undefined) return only
  const wanted = asked ?? hostPlatform()
  const found = candidates.find((candidate) => platformMatches(platformOf(candidate), wanted))
  if (found !== undefined) return found
  const there = [...new Set(candidates.map((candidate) => formatPlatform(platformOf(candidate))))]
  throw new DockerToolsError(
    asked === undefined ? 'FORMAT_UNSUPPORTED' : 'DEFINITION_INVALID',
    `Cannot use ${what}: it has no image for "${formatPlatform(wanted)}", it has ${there.length === 0 ? 'none' : `"${there.join('", "')}"`}`,
    there.length === 0 ? {} : { hint: 'Ask for a platform that is there' },
  )
}
