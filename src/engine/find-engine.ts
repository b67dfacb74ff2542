import { DockerToolsError, systemErrorCode } from '#errors'
import { engineAddresses } from './engine-addresses.ts'
import type { EngineEndpoint } from './engine-endpoint.ts'
import type { EngineName } from './engine-name.ts'
import { requestEngine } from './engine-request.ts'

/** An engine that answers, or `ctr`, which is asked only once there is something to import. */
export type FoundEngine =
  | { readonly name: 'docker' | 'podman'; readonly endpoint: EngineEndpoint }
  | { readonly name: 'containerd' }

/** How long an engine may take to say that it is there. */
const PING_MS = 10_000

/**
 * Looks for an engine that answers: the one that `DOCKER_HOST`, `CONTAINER_HOST` or a Docker
 * context names, else the usual sockets of Docker and podman, in that order.
 *
 * @param wanted Which engine; containerd is taken only where it is asked for.
 * @throws {DockerToolsError} `ENGINE_UNAVAILABLE`, with everything that was tried.
 */
export async function findEngine(
  wanted: EngineName | undefined,
  env: Readonly<Record<string, string | undefined>>,
  signal?: AbortSignal,
): Promise<FoundEngine> {
  if (wanted === 'containerd') return { name: 'containerd' }
  const tried: string[] = []
  for (const endpoint of engineAddresses(wanted, env)) {
    try {
      return { name: await ping(endpoint, signal), endpoint }
    } catch (error) {
      if (signal?.aborted === true) throw interrupted(signal)
      tried.push(`"${endpoint.shown}" (${reasonOf(error)})`)
    }
  }
  throw new DockerToolsError(
    'ENGINE_UNAVAILABLE',
    `Cannot find ${wanted === undefined ? 'a container engine' : wanted}: none answers at ${tried.join(', ')}`,
    { hint: hintFor(wanted) },
  )
}

export function interrupted(signal: AbortSignal): DockerToolsError {
  return new DockerToolsError('INTERRUPTED', 'Cannot load the image: it was stopped', { cause: signal.reason })
}

/** podman serves Docker's API too, and says so. */
async function ping(endpoint: EngineEndpoint, signal: AbortSignal | undefined): Promise<'docker' | 'podman'> {
  const answer = await requestEngine(endpoint, { method: 'GET', path: '/_ping', silenceMs: PING_MS, signal })
  answer.resume()
  if (answer.statusCode !== 200) throw new Error(`it answered ${answer.statusCode}`)
  return answer.headers['libpod-api-version'] === undefined ? 'docker' : 'podman'
}

function reasonOf(error: unknown): string {
  switch (systemErrorCode(error)) {
    case 'ENOENT':
      return 'there is no such socket'
    case 'ECONNREFUSED':
      return 'nobody listens there'
    case 'EACCES':
      return 'no permission'
    default:
      return error instanceof Error ? error.message : String(error)
  }
}

function hintFor(wanted: 'docker' | 'podman' | undefined): string {
  const docker = 'start Docker (systemctl start docker)'
  const podman = 'start podman (systemctl --user start podman.socket, or podman system service --time 0)'
  const ways = wanted === 'docker' ? [docker] : wanted === 'podman' ? [podman] : [docker, podman]
  const variable = wanted === 'podman' ? 'CONTAINER_HOST' : 'DOCKER_HOST'
  const others = [...ways.slice(1), `name the socket in ${variable}`]
  const containerd = wanted === undefined ? ', or use --engine containerd' : ''
  const first = ways[0] ?? docker
  return `${first.charAt(0).toUpperCase()}${first.slice(1)}${others.map((way) => `, or ${way}`).join('')}${containerd}`
}
