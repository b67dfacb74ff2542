import type { Environment } from '#http'
import { askCredentialHelper } from './ask-credential-helper.ts'
import type { Credential } from './credential.ts'
import { credentialFiles } from './credential-files.ts'
import { type CredentialConfig, readCredentialFile } from './read-credential-file.ts'
import { DOCKER_HUB } from './reference.ts'

/** What Docker calls Docker Hub where it keeps credentials. */
const HUB_KEY = 'https://index.docker.io/v1/'
const HUB_HOSTS: ReadonlySet<string> = new Set([DOCKER_HUB, 'index.docker.io', 'registry-1.docker.io'])

/**
 * The credential that this user has for a repository, from the first file that has one. In each, a helper for the
 * registry comes first, then the entry whose key is nearest (`HOST/a/b`, `HOST/a`, `HOST`), then `credsStore`.
 *
 * @returns undefined where there is none: the registry is asked as anybody.
 * @throws {DockerToolsError} as `readCredentialFile` and `askCredentialHelper`.
 */
export async function findCredential(
  registry: string,
  repository: string,
  options: { readonly environment: Environment; readonly signal: AbortSignal | undefined },
): Promise<Credential | undefined> {
  for (const file of credentialFiles(options.environment)) {
    const config = await readCredentialFile(file)
    const found = config === undefined ? undefined : await lookUp(config, registry, repository, options)
    if (found !== undefined) return found
  }
  return undefined
}

async function lookUp(
  config: CredentialConfig,
  registry: string,
  repository: string,
  options: { readonly environment: Environment; readonly signal: AbortSignal | undefined },
): Promise<Credential | undefined> {
  const server = registry === DOCKER_HUB ? HUB_KEY : registry
  const helper = [...config.helpers].find(([key]) => hostOf(key) === registry)
  const fromHelper = helper && (await askCredentialHelper(helper[1], helper[0], options))
  if (fromHelper !== undefined) return fromHelper
  const entry = nearestEntry(config.entries, registry, repository)
  if (entry !== undefined) return entry
  return config.store === undefined ? undefined : await askCredentialHelper(config.store, server, options)
}

function nearestEntry(
  entries: CredentialConfig['entries'],
  registry: string,
  repository: string,
): Credential | undefined {
  const parts = repository.split('/')
  for (let length = parts.length; length > 0; length--) {
    const found = entries.get([registry, ...parts.slice(0, length)].join('/'))
    if (found !== undefined) return found
  }
  const exact = entries.get(registry)
  if (exact !== undefined) return exact
  // Older programs wrote a URL: its host counts, as theirs does.
  for (const [key, value] of entries) {
    if (value !== undefined && isHostKey(key) && hostOf(key) === registry) return value
  }
  return undefined
}

/** A key with a path and no scheme is for that path alone. */
function isHostKey(key: string): boolean {
  return /^https?:\/\//.test(key) || /^[^/]+(?:\/v[12])?\/?$/.test(key)
}

function hostOf(key: string): string {
  const host = key.replace(/^https?:\/\//, '').replace(/\/.*$/, '')
  return HUB_HOSTS.has(host) ? DOCKER_HUB : host
}
