import { DockerToolsError } from '#errors'
import type { Environment } from './http-options.ts'

/** Whether a host, as `URL.hostname` writes it, is this machine: what is said to it does not leave it. */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === 'localhost' || /^127\.\d+\.\d+\.\d+$/.test(hostname) || hostname === '[::1]'
}

/**
 * What `node:http` is told of proxies. It would pass over what it does not know, and connect without a proxy, and would
 * show a password in an address that is none.
 *
 * @throws {DockerToolsError} `USAGE` for a proxy that cannot be used.
 */
export function proxyEnvironment(env: Environment): Record<string, string> {
  const proxies: Record<string, string> = {}
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY']) {
    const proxy = valueOf(env, name)
    if (proxy !== undefined) proxies[name] = proxyUrl(name, proxy)
  }
  const direct = valueOf(env, 'NO_PROXY')
  return direct === undefined ? proxies : { ...proxies, NO_PROXY: direct }
}

/** As with curl and Go, the name in lower case comes first. */
function valueOf(env: Environment, name: string): string | undefined {
  return [env[name.toLowerCase()], env[name]].find((value) => value !== undefined && value !== '')
}

/** `HOST:PORT` is enough. */
function proxyUrl(name: string, proxy: string): string {
  const url = URL.parse(proxy.includes('://') ? proxy : `http://${proxy}`)
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) return url.href
  throw new DockerToolsError('USAGE', `Cannot use the proxy that ${name} names: it should be an http or https URL`, {
    hint: `Set ${name} to http://HOST:PORT, or unset it`,
  })
}
