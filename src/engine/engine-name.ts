import { DockerToolsError } from '#errors'

/** The engines that images are loaded into. */
export const ENGINE_NAMES = ['docker', 'podman', 'containerd'] as const

/** An engine that images are loaded into. */
export type EngineName = (typeof ENGINE_NAMES)[number]

/** @throws {DockerToolsError} `USAGE`. */
export function parseEngineName(text: string): EngineName {
  const name = ENGINE_NAMES.find((known) => known === text)
  if (name !== undefined) return name
  throw new DockerToolsError('USAGE', `Cannot use engine "${text}": it should be "${ENGINE_NAMES.join('", "')}"`)
}
