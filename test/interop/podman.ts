import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from './run.ts'

/** Limits that a machine without CAP_SYS_RESOURCE can set, and the runtime that knows cgroup v1 beside v2. */
const CONTAINERS_CONF = `
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
netns = "none"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
`

/** A call of podman with state of its own. */
export type Podman = (...args: readonly string[]) => Command

/** @param folder Holds its state. */
export async function makePodman(folder: string): Promise<Podman> {
  await writeFile(join(folder, 'containers.conf'), CONTAINERS_CONF)
  const places = ['--root', join(folder, 'p/root'), '--runroot', join(folder, 'p/run')]
  const env = { ...process.env, CONTAINERS_CONF: join(folder, 'containers.conf'), XDG_RUNTIME_DIR: folder }
  return (...args) => ({ program: 'podman', args: [...places, '--storage-driver', 'vfs', ...args], env, cwd: folder })
}
