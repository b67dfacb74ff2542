import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { makeTempDir } from '#util'
import { startProcess } from './start-process.ts'
import { until } from './until.ts'

/** Debian's docker-registry on a port of its own. */
export interface DockerRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string
}

/** How the registry is set up: parts of its configuration, in JSON, which is YAML too. */
export interface RegistrySetup {
  readonly tls?: { readonly certificate: string; readonly key: string; readonly clientcas?: readonly string[] }
  readonly auth?: Readonly<Record<string, unknown>>
}

export async function startDockerRegistry(setup: RegistrySetup = {}): Promise<DockerRegistry> {
  await using stack = new AsyncDisposableStack()
  const scratch = stack.use(await makeTempDir('registry-'))
  const host = `127.0.0.1:${await freePort()}`
  const config = join(scratch.path, 'config.yml')
  const { tls, auth } = setup
  const settings = {
    version: '0.1',
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(scratch.path, 'data') }, delete: { enabled: true } },
    http: { addr: host, ...(tls === undefined ? {} : { tls }) },
    ...(auth === undefined ? {} : { auth }),
  }
  writeFileSync(config, JSON.stringify(settings))
  const daemon = stack.use(startProcess({ program: 'docker-registry', args: ['serve', config] }))
  await until('docker-registry', async () => {
    if (daemon.child.exitCode !== null) throw new Error(`docker-registry ended: ${daemon.said()}`)
    const socket = await import('node:net').then(({ connect }) => connect(Number(host.split(':')[1]), '127.0.0.1'))
    return await new Promise<true | undefined>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(undefined))
    }).finally(() => socket.destroy())
  })
  const owner = stack.move()
  return { host, [Symbol.asyncDispose]: () => Promise.resolve(owner[Symbol.asyncDispose]()) }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve())
  })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => {
    server.close(resolve)
  })
  return port
}
