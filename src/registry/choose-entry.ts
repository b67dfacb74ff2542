import { DockerToolsError } from '#errors'
import { formatPlatform, type Platform, platformsInOrder } from '#image'
import type { IndexEntry } from './parse-manifest.ts'

/**
 * The manifest of an index for a platform, as skopeo and podman choose it: the first that has the best variant. One
 * that names no platform is taken only where nothing else fits.
 *
 * @throws {DockerToolsError} `IMAGE_MISSING`, listing what is there.
 */
export function chooseEntry(entries: readonly IndexEntry[], asked: Platform, what: string): IndexEntry {
  for (const wanted of platformsInOrder(asked)) {
    const found = entries.find(
      ({ platform }) => platform !== undefined && formatPlatform(platform) === formatPlatform(wanted),
    )
    if (found !== undefined) return found
  }
  const anonymous = entries.find(({ platform }) => platform === undefined)
  if (anonymous !== undefined) return anonymous
  const there = [
    ...new Set(entries.flatMap(({ platform }) => (platform === undefined ? [] : formatPlatform(platform)))),
  ]
  throw new DockerToolsError(
    'IMAGE_MISSING',
    `Cannot use ${what}: it has no image for "${formatPlatform(asked)}", it has ${there.length === 0 ? 'none' : `"${there.join('", "')}"`}`,
    there.length === 0 ? {} : { hint: 'Ask for a platform that is there, with os and arch' },
  )
}
