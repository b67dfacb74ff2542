import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { type Command, run } from './run.ts'
import { startProcess } from './start-process.ts'
import { until } from './until.ts'

/** A Docker daemon of our own, with no network and nothing of the machine's. */
export interface DockerDaemon extends AsyncDisposable {
  /** A call of its client. */
  command(...args: readonly string[]): Command
  docker(...args: readonly string[]): Promise<string>
  /** What `docker image inspect` says. */
  inspect(image: string): Promise<InspectedImage>
}

/** The part of an image's inspection that tests look at. */
export interface InspectedImage {
  readonly Id: string
  readonly Created: string
  readonly Architecture: string
  readonly Os: string
  readonly RepoTags: readonly string[]
  readonly RootFS: { readonly Layers: readonly string[] }
  readonly Config: Readonly<Record<string, unknown>>
}

/**
 * Starts `dockerd` in a mount namespace of its own, so that no mount outlives it.
 *
 * @param folder Where all its state goes; has to be short, sockets' names are limited.
 */
export async function startDockerDaemon(folder: string): Promise<DockerDaemon> {
  await mkdir(folder)
  const host = `unix://${folder}/d.sock`
  const state = ['--data-root', `${folder}/data`, '--exec-root', `${folder}/exec`, '--pidfile', `${folder}/pid`]
  const network = ['--iptables=false', '--ip6tables=false', '--bridge=none']
  const daemon = startProcess({
    program: 'unshare',
    args: ['--mount', '--', 'dockerd', '--host', host, ...state, ...network],
  })
  const env = { ...process.env, DOCKER_HOST: host, DOCKER_CONFIG: `${folder}/config` }
  const command = (...args: readonly string[]): Command => ({ program: 'docker', args, env })
  try {
    await until('dockerd', async () => {
      if (daemon.child.exitCode !== null) throw new Error(`dockerd ended:\n${daemon.said()}`)
      return existsSync(`${folder}/d.sock`) ? true : undefined
    })
    await run(command('version'))
  } catch (error) {
    await daemon[Symbol.asyncDispose]()
    throw error
  }
  const docker = (...args: readonly string[]): Promise<string> => run(command(...args))
  return {
    command,
    docker,
    inspect: async (image) => {
      const [inspected] = JSON.parse(await docker('image', 'inspect', image)) as [InspectedImage]
      return inspected
    },
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  }
}
