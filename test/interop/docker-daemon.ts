import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { BUSYBOX } from './needs.ts'
import { type Command, run } from './run.ts'
import { startProcess } from './start-process.ts'
import { until } from './until.ts'

/** A Docker daemon of our own, with nothing of the machine's. */
export interface DockerDaemon extends AsyncDisposable {
  /** A call of its client. */
  command(...args: readonly string[]): Command
  docker(...args: readonly string[]): Promise<string>
  /** A call among its containers' networks, where its published ports are. */
  network(...words: readonly string[]): Command
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

/** How a daemon is set up. */
interface DaemonSetup {
  /** Gives its containers networks, in a network namespace of its own. Without, they have none. */
  readonly hasNetwork?: boolean
  readonly storageDriver?: string
}

/** Networks of containers, in a namespace that reaches nothing else. */
const OWN_NETWORK = ['--net', '--', 'sh', '-c', `${BUSYBOX} ip link set lo up && exec "$0" "$@"`, 'dockerd']

/**
 * Starts `dockerd` in a mount namespace of its own, so that no mount outlives it.
 *
 * @param folder Where all its state goes; has to be short, sockets' names are limited.
 */
export async function startDockerDaemon(folder: string, setup: DaemonSetup = {}): Promise<DockerDaemon> {
  await mkdir(folder)
  const host = `unix://${folder}/d.sock`
  const state = ['--data-root', `${folder}/data`, '--exec-root', `${folder}/exec`, '--pidfile', `${folder}/pid`]
  const network = ['--iptables=false', '--ip6tables=false']
  network.push(...(setup.hasNetwork === true ? ['--bip', '10.99.0.1/24'] : ['--bridge=none']))
  const driver = setup.storageDriver === undefined ? [] : ['--storage-driver', setup.storageDriver]
  const place = setup.hasNetwork === true ? OWN_NETWORK : ['--', 'dockerd']
  const daemon = startProcess({
    program: 'unshare',
    args: ['--mount', ...place, '--host', host, ...state, ...network, ...driver],
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
    network: (...words) => ({ program: 'nsenter', args: [`--target=${daemon.child.pid}`, '--net', '--', ...words] }),
    inspect: async (image) => {
      const [inspected] = JSON.parse(await docker('image', 'inspect', image)) as [InspectedImage]
      return inspected
    },
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  }
}
