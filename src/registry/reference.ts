import { DockerToolsError } from '#errors'
import { type Digest, parseDigest } from '#image'

/** Which image of which registry is meant. */
export interface ImageReference {
  /** Host, with the port where one is named: `docker.io`, `localhost:5000`, `[::1]:5000`. */
  readonly registry: string
  /** With the folder that Docker Hub keeps official images in: `library/redis`. */
  readonly repository: string
  readonly tag: string | undefined
  /** Where there is one, the tag is only a comment. */
  readonly digest: Digest | undefined
}

export const DOCKER_HUB = 'docker.io'

const HOST = /^(?:\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?)(?::[0-9]{1,5})?$/
const PATH_PART = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/
const TAG = /^\w[\w.-]{0,127}$/
const MAX_NAME_LENGTH = 255

/**
 * Reads the name of an image as Docker does: `redis`, `library/redis:7`, `docker.io/library/redis`,
 * `localhost:5000/a/b@sha256:…`. `docker://` in front is skipped, as skopeo writes it.
 *
 * @throws {DockerToolsError} `DEFINITION_INVALID`, saying which part is wrong.
 */
export function parseReference(text: string): ImageReference {
  const [named = '', digest, more] = text.replace(/^docker:\/\//, '').split('@')
  if (more !== undefined) throw invalid(text, 'it has more than one "@"')
  const colon = named.lastIndexOf(':')
  const hasTag = colon > named.lastIndexOf('/')
  const tag = hasTag ? named.slice(colon + 1) : undefined
  if (tag !== undefined && !TAG.test(tag)) {
    throw invalid(text, `its tag is "${tag}", it should be up to 128 letters, digits, "_", "." and "-"`)
  }
  return { ...parseName(hasTag ? named.slice(0, colon) : named, text), tag, digest: parseDigestPart(digest, text) }
}

/** The whole name, as `parseReference` reads it. Without a tag and a digest it has neither. */
export function formatReference({ registry, repository, tag, digest }: ImageReference): string {
  return `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`
}

function parseName(name: string, text: string): Pick<ImageReference, 'registry' | 'repository'> {
  const slash = name.indexOf('/')
  const first = name.slice(0, Math.max(slash, 0))
  const hasHost = /[.:A-Z]/.test(first) || first === 'localhost'
  const host = hasHost ? first : DOCKER_HUB
  if (!HOST.test(host) || Number(/:(\d+)$/.exec(host)?.[1] ?? 1) > 65_535) {
    throw invalid(text, `its registry is "${host}", it should be a host, with or without a port`)
  }
  const path = hasHost ? name.slice(slash + 1) : name
  for (const part of path.split('/')) {
    if (PATH_PART.test(part)) continue
    throw invalid(
      text,
      `its name has the part "${part}", it should be lower-case letters and digits, with ".", "_" and "-" between them`,
    )
  }
  if (path.length > MAX_NAME_LENGTH) throw invalid(text, `its name has more than ${MAX_NAME_LENGTH} characters`)
  if (!hasHost && /^[0-9a-f]{64}$/.test(path)) {
    throw invalid(text, 'it looks like the ID of an image, it should be a name')
  }
  const registry = host === 'index.docker.io' ? DOCKER_HUB : host
  const isOfficial = registry === DOCKER_HUB && !path.includes('/')
  return { registry, repository: isOfficial ? `library/${path}` : path }
}

function parseDigestPart(digest: string | undefined, text: string): Digest | undefined {
  if (digest === undefined) return undefined
  try {
    return parseDigest(digest)
  } catch (error) {
    throw new DockerToolsError(
      'DEFINITION_INVALID',
      `Cannot use image "${text}": its digest should be "sha256:" and 64 lower-case hexadecimal digits`,
      { cause: error },
    )
  }
}

function invalid(text: string, reason: string): DockerToolsError {
  return new DockerToolsError('DEFINITION_INVALID', `Cannot use image "${text}": ${reason}`, {
    hint: 'Write [REGISTRY/]NAME[:TAG][@DIGEST], for example "redis:7" or "localhost:5000/team/app"',
  })
}
