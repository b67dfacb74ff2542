import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { type Command, run } from './run.ts'
import { startProcess } from './start-process.ts'
import { until } from './until.ts'

/** podman's API on a socket of our own. */
export interface PodmanService extends AsyncDisposable {
  /** `unix://…` */
  readonly address: string
  podman(...args: readonly string[]): Promise<string>
}

/** @param folder Where all its state goes; has to be short, sockets' names are limited. */
export async function startPodmanService(folder: string): Promise<PodmanService> {
  await mkdir(folder)
  const state = ['--root', `${folder}/root`, '--runroot', `${folder}/run`, '--storage-driver', 'vfs']
  const env = { ...process.env, XDG_RUNTIME_DIR: folder }
  const command = (...args: readonly string[]): Command => ({ program: 'podman', args: [...state, ...args], env })
  const address = `unix://${folder}/p.sock`
  const service = startProcess(command('system', 'service', '--time', '0', address))
  try {
    await until('podman', () => {
      if (service.child.exitCode !== null) throw new Error(`podman ended:\n${service.said()}`)
      return Promise.resolve(existsSync(`${folder}/p.sock`) ? true : undefined)
    })
  } catch (error) {
    await service[Symbol.asyncDispose]()
    throw error
  }
  return {
    address,
    podman: (...args) => run(command(...args)),
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  }
}
