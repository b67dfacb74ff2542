import { join } from 'node:path'
import type { Environment } from '#http'
import { homeDirectory } from '#util'

/** A file that may hold credentials. */
export interface CredentialFile {
  readonly path: string
  /** Whether a variable of the environment names it: then it should be readable if it is there. */
  readonly isNamed: boolean
}

/**
 * Where credentials are looked for, in this order. Files that `REGISTRY_AUTH_FILE` and `DOCKER_CONFIG` name are the
 * only ones where there are any; otherwise podman's come before Docker's.
 */
export function credentialFiles(environment: Environment): readonly CredentialFile[] {
  const value = (name: string): string | undefined => (environment[name] === '' ? undefined : environment[name])
  const authFile = value('REGISTRY_AUTH_FILE')
  const dockerConfig = value('DOCKER_CONFIG')
  const named = [
    ...(authFile === undefined ? [] : [authFile]),
    ...(dockerConfig === undefined ? [] : [join(dockerConfig, 'config.json')]),
  ]
  if (named.length > 0) return named.map((path) => ({ path, isNamed: true }))
  const home = homeDirectory(environment)
  const runtime = value('XDG_RUNTIME_DIR')
  return [
    ...(runtime === undefined ? [] : [join(runtime, 'containers', 'auth.json')]),
    join(value('XDG_CONFIG_HOME') ?? join(home, '.config'), 'containers', 'auth.json'),
    join(home, '.docker', 'config.json'),
  ].map((path) => ({ path, isNamed: false }))
}
