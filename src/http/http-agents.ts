import { readFileSync } from 'node:fs'
import type { Agent as HttpAgent } from 'node:http'
import type { Agent as HttpsAgent, AgentOptions } from 'node:https'
import { DockerToolsError } from '#errors'
import type { Environment, TlsOptions } from './http-options.ts'
import { isLoopbackHost, proxyEnvironment } from './proxy-environment.ts'

/** Connections that are kept for the next request. */
interface HttpAgents {
  readonly http: HttpAgent
  readonly https: HttpsAgent
  /** With our own certificate, where we have one. */
  readonly identified: HttpsAgent
}

interface Connections {
  /** To this machine. A proxy elsewhere could not reach it, and would be told what may not leave the machine. */
  direct?: HttpAgents
  /** To all others, by proxies where there are any. */
  others?: HttpAgents
}

const NO_TLS_OPTIONS: TlsOptions = {}

const connectionsByEnvironment = new WeakMap<Environment, WeakMap<TlsOptions, Connections>>()

/**
 * The agent for a URL, with an environment and TLS options; always the same for the same origin and objects.
 *
 * `node:http` is loaded on first use, and not with `import`: that reads every export of it, one of which is a
 * WebSocket that takes 50 ms to load.
 *
 * @throws {DockerToolsError} `FILE_UNREADABLE` if `SSL_CERT_FILE` cannot be read; `USAGE` for proxies that cannot be.
 */
export function agentFor(url: URL, env: Environment, tls: TlsOptions = NO_TLS_OPTIONS): HttpAgent | HttpsAgent {
  const connections = connectionsOf(env, tls)
  const agents = isLoopbackHost(url.hostname)
    ? (connections.direct ??= makeAgents(env, tls, {}))
    : (connections.others ??= makeAgents(env, tls, proxyEnvironment(env)))
  if (url.protocol !== 'https:') return agents.http
  return tls.identity?.origin === url.origin ? agents.identified : agents.https
}

function connectionsOf(env: Environment, tls: TlsOptions): Connections {
  let byTls = connectionsByEnvironment.get(env)
  if (byTls === undefined) {
    byTls = new WeakMap()
    connectionsByEnvironment.set(env, byTls)
  }
  let connections = byTls.get(tls)
  if (connections === undefined) {
    connections = {}
    byTls.set(tls, connections)
  }
  return connections
}

function makeAgents(env: Environment, tls: TlsOptions, proxyEnv: Record<string, string>): HttpAgents {
  const certificates = readCertificates(env['SSL_CERT_FILE'])
  const [http, https] = [process.getBuiltinModule('node:http'), process.getBuiltinModule('node:https')]
  const options = { keepAlive: true, proxyEnv }
  const httpsOptions: AgentOptions = {
    ...options,
    ...authorityOptions(certificates, tls.authorities ?? []),
    ...(tls.isVerified === false ? { rejectUnauthorized: false } : {}),
  }
  const plain = new https.Agent(httpsOptions)
  const { identity } = tls
  return {
    http: new http.Agent(options),
    https: plain,
    identified:
      identity === undefined
        ? plain
        : new https.Agent({ ...httpsOptions, cert: [...identity.certificates], key: [...identity.keys] }),
  }
}

/** Node takes a list of authorities in place of its own, so its own are part of ours. */
function authorityOptions(named: string | undefined, extra: readonly string[]): AgentOptions {
  if (extra.length === 0) return named === undefined ? {} : { ca: named }
  const usual = named === undefined ? process.getBuiltinModule('node:tls').getCACertificates('default') : [named]
  return { ca: [...usual, ...extra] }
}

/** Node reads `SSL_CERT_FILE` itself only where it was told to use the system's certificates. */
function readCertificates(path: string | undefined): string | undefined {
  if (path === undefined || path === '') return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new DockerToolsError('FILE_UNREADABLE', `Cannot read certificates "${path}", named by SSL_CERT_FILE`, {
      cause: error,
      hint: 'Set SSL_CERT_FILE to a file of PEM certificates, or unset it',
    })
  }
}
