import { DockerToolsError } from '#errors'

/** Refuses a number of layers that no grouping could meet. */
export function checkLimit(name: string, limit: number): void {
  if (Number.isSafeInteger(limit) && limit >= 1) return
  throw new DockerToolsError(
    'LAYER_LIMIT',
    `Cannot group store paths: ${name} is "${limit}", it should be a whole number of at least 1`,
  )
}
