import { DockerToolsError } from '#errors'

/** Where an engine listens. */
export interface EngineEndpoint {
  /** As it was named, for messages: `unix:///var/run/docker.sock`. */
  readonly shown: string
  readonly connection: EngineConnection
}

/** How to get there. */
export type EngineConnection =
  | { readonly kind: 'unix'; readonly socketPath: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls: EngineTls | undefined }

/** Certificates in PEM for an engine behind TLS. */
export interface EngineTls {
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
}

/** Ports of the Docker API, without and with TLS. */
const PORT = 2375
const TLS_PORT = 2376

/**
 * Reads an address as `DOCKER_HOST` has it: `unix://PATH`, `tcp://HOST[:PORT]`, `http://…` or `https://…`.
 *
 * @param origin What names the address, for errors: `DOCKER_HOST`.
 * @param readTls Gives the certificates where they are wanted; called for TCP alone.
 * @throws {DockerToolsError} `ENGINE_UNAVAILABLE` for an address of another kind, such as `ssh://`.
 */
export function parseEngineAddress(
  address: string,
  origin: string,
  readTls: () => EngineTls | undefined,
): EngineEndpoint {
  const path = /^unix:\/\/(\/.*)$/s.exec(address)?.[1]
  if (path !== undefined) return { shown: address, connection: { kind: 'unix', socketPath: path } }
  const url = /^(?:tcp|https?):\/\//.test(address) ? URL.parse(address.replace(/^tcp:/, 'http:')) : null
  if (url === null || url.hostname === '' || url.username !== '' || url.pathname.length > 1) {
    throw new DockerToolsError(
      'ENGINE_UNAVAILABLE',
      `Cannot reach a container engine: ${origin} is "${withoutUser(address)}", it should be unix:///PATH or tcp://HOST:PORT`,
      address.startsWith('ssh:') ? { hint: 'Stream instead: dockertools stream DEF | ssh HOST docker load' } : {},
    )
  }
  const tls = address.startsWith('https:') ? (readTls() ?? NO_FILES) : readTls()
  // Port 80 is what no port means to `http:`; to Docker it is its own.
  const port = /:\d+\/?$/.test(address) ? Number(/:(\d+)\/?$/.exec(address)?.[1]) : tls === undefined ? PORT : TLS_PORT
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  return { shown: `tcp://${url.hostname}:${port}`, connection: { kind: 'tcp', host, port, tls } }
}

const NO_FILES: EngineTls = { ca: undefined, cert: undefined, key: undefined }

function withoutUser(address: string): string {
  return address.replace(/\/\/[^/@]*@/, '//')
}
