import { DEFAULT_IMAGE_LIMITS, type ImageLimits } from '#archive'
import { DockerToolsError } from '#errors'
import { nearestName } from '#util'

/**
 * Limits by name, as options give them.
 *
 * @throws {DockerToolsError} `DEFINITION_INVALID` for a name that is none, and for a value that is no number above 0.
 */
export function parseImageLimits(given: Readonly<Record<string, number>>): Partial<ImageLimits> {
  const names = Object.keys(DEFAULT_IMAGE_LIMITS)
  for (const [name, value] of Object.entries(given)) {
    if (!names.includes(name)) {
      const nearest = nearestName(name, names)
      throw new DockerToolsError(
        'DEFINITION_INVALID',
        `Cannot set limit "${name}": there is no such limit${nearest === undefined ? '' : `, the nearest is "${nearest}"`}`,
        { hint: `The limits are ${names.join(', ')}` },
      )
    }
    if (!(value > 0)) {
      throw new DockerToolsError('DEFINITION_INVALID', `Cannot set limit "${name}" to ${value}: it should be above 0`)
    }
  }
  return given
}
