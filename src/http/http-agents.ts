import { readFileSync } from 'node:fs'
import type { Agent as HttpAgent } from 'node:http'
import type { Agent as HttpsAgent } from 'node:https'
import { DockerToolsError } from '#errors'
import type { Environment } from './http-options.ts'

/** Connections that are kept for the next request. */
export interface HttpAgents {
  readonly http: HttpAgent
  readonly https: HttpsAgent
}

const agentsByEnvironment = new WeakMap<Environment, Promise<HttpAgents>>()

/**
 * The agents for an environment; always the same for the same object.
 *
 * Loaded on first use because `node:https` costs a start 30 ms.
 *
 * @throws {DockerToolsError} `FILE_UNREADABLE` if `SSL_CERT_FILE` cannot be read.
 */
export function httpAgents(env: Environment): Promise<HttpAgents> {
  let agents = agentsByEnvironment.get(env)
  if (agents === undefined) {
    agents = makeAgents(env)
    agentsByEnvironment.set(env, agents)
  }
  return agents
}

async function makeAgents(env: Environment): Promise<HttpAgents> {
  const certificates = readCertificates(env['SSL_CERT_FILE'])
  const [http, https] = await Promise.all([import('node:http'), import('node:https')])
  const options = { keepAlive: true, proxyEnv: { ...env } }
  return {
    http: new http.Agent(options),
    https: new https.Agent(certificates === undefined ? options : { ...options, ca: certificates }),
  }
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
