import { readFileSync } from 'node:fs'
import type { Agent as HttpAgent } from 'node:http'
import type { Agent as HttpsAgent, AgentOptions } from 'node:https'
import { DockerToolsError } from '#errors'
import type { Environment, TlsOptions } from './http-options.ts'

/** Connections that are kept for the next request. */
export interface HttpAgents {
  readonly http: HttpAgent
  readonly https: HttpsAgent
  /** With our own certificate, where we have one. */
  readonly identified: HttpsAgent
}

const NO_TLS_OPTIONS: TlsOptions = {}

const agentsByEnvironment = new WeakMap<Environment, WeakMap<TlsOptions, HttpAgents>>()

/**
 * The agents for an environment and TLS options; always the same for the same objects.
 *
 * `node:http` is loaded on first use, and not with `import`: that reads every export of it, one of which is a
 * WebSocket that takes 50 ms to load.
 *
 * @throws {DockerToolsError} `FILE_UNREADABLE` if `SSL_CERT_FILE` cannot be read.
 */
export function httpAgents(env: Environment, tls: TlsOptions = NO_TLS_OPTIONS): HttpAgents {
  let agentsByTls = agentsByEnvironment.get(env)
  if (agentsByTls === undefined) {
    agentsByTls = new WeakMap()
    agentsByEnvironment.set(env, agentsByTls)
  }
  let agents = agentsByTls.get(tls)
  if (agents === undefined) {
    agents = makeAgents(env, tls)
    agentsByTls.set(tls, agents)
  }
  return agents
}

function makeAgents(env: Environment, tls: TlsOptions): HttpAgents {
  const certificates = readCertificates(env['SSL_CERT_FILE'])
  const [http, https] = [process.getBuiltinModule('node:http'), process.getBuiltinModule('node:https')]
  const options = { keepAlive: true, proxyEnv: { ...env } }
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
