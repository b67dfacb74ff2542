import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DockerToolsError, systemErrorCode } from '#errors'
import { homeDirectory } from '#util'
import { type EngineEndpoint, type EngineTls, parseEngineAddress } from './engine-endpoint.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Where an engine may be, in the order to try. What the user named stands
 * alone: nothing else is tried where it does not answer.
 *
 * @param engine Which one is wanted; undefined for whichever is there.
 * @throws {DockerToolsError} `ENGINE_UNAVAILABLE` for an address that cannot be used, `FILE_UNREADABLE` for
 *   certificates or a context that cannot be read.
 */
export function engineAddresses(engine: 'docker' | 'podman' | undefined, env: Environment): readonly EngineEndpoint[] {
  const dockerHost = given(env['DOCKER_HOST'])
  if (engine !== 'podman' && dockerHost !== undefined) {
    return [parseEngineAddress(dockerHost, 'DOCKER_HOST', () => dockerTls(env))]
  }
  const containerHost = given(env['CONTAINER_HOST'])
  if (engine !== 'docker' && containerHost !== undefined) {
    return [parseEngineAddress(containerHost, 'CONTAINER_HOST', () => undefined)]
  }
  const context = engine === 'podman' ? undefined : dockerContext(env)
  if (context !== undefined) return [context]
  const runtime = given(env['XDG_RUNTIME_DIR'])
  const docker = ['/var/run/docker.sock', ...(runtime === undefined ? [] : [join(runtime, 'docker.sock')])]
  const podman = [...(runtime === undefined ? [] : [join(runtime, 'podman/podman.sock')]), '/run/podman/podman.sock']
  const paths = engine === 'docker' ? docker : engine === 'podman' ? podman : [...docker, ...podman]
  return paths.map((path) => ({ shown: `unix://${path}`, connection: { kind: 'unix', socketPath: path } }))
}

/** An empty variable is none, as Docker's client sees it. */
function given(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}

function configFolder(env: Environment): string {
  return given(env['DOCKER_CONFIG']) ?? join(homeDirectory(env), '.docker')
}

function dockerTls(env: Environment): EngineTls | undefined {
  if (given(env['DOCKER_TLS_VERIFY']) === undefined) return undefined
  return readTls(given(env['DOCKER_CERT_PATH']) ?? configFolder(env))
}

function readTls(folder: string): EngineTls {
  const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map((name) => readIfThere(join(folder, name)))
  return { ca, cert, key }
}

/** The context that `docker context use` or `DOCKER_CONTEXT` chose; the one called `default` is none. */
function dockerContext(env: Environment): EngineEndpoint | undefined {
  const folder = configFolder(env)
  const name = given(env['DOCKER_CONTEXT']) ?? stringIn(parsed(join(folder, 'config.json')), 'currentContext')
  if (name === undefined || name === '' || name === 'default') return undefined
  const id = createHash('sha256').update(name).digest('hex')
  const file = join(folder, 'contexts/meta', id, 'meta.json')
  const host = stringIn(valueIn(valueIn(parsed(file), 'Endpoints'), 'docker'), 'Host')
  if (host === undefined) {
    throw new DockerToolsError(
      'ENGINE_UNAVAILABLE',
      `Cannot reach a container engine: there is no Docker context "${name}", it should be in "${file}"`,
      { hint: 'docker context ls shows those that are there; DOCKER_HOST goes before them' },
    )
  }
  const tls = readTls(join(folder, 'contexts/tls', id, 'docker'))
  return parseEngineAddress(host, `Docker context "${name}"`, () => (tls.ca === undefined ? undefined : tls))
}

/** A file of settings is the user’s own, and small. */
function parsed(file: string): unknown {
  const text = readIfThere(file)
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch (error) {
    throw new DockerToolsError('FILE_UNREADABLE', `Cannot read "${file}": it should be JSON`, { cause: error })
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new DockerToolsError('FILE_UNREADABLE', `Cannot read "${file}": ${code ?? String(error)}`, { cause: error })
  }
}

function valueIn(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined
}

function stringIn(value: unknown, name: string): string | undefined {
  const found = valueIn(value, name)
  return typeof found === 'string' ? found : undefined
}
