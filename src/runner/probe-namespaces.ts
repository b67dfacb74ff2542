import { spawnSync } from 'node:child_process'
import { DockerToolsError } from '#errors'
import { findIdMapping, type IdMapping } from './id-mapping.ts'
import { missingProgram } from './missing-program.ts'
import type { Availability } from './store-view.ts'
import { makeUserNamespace } from './user-namespace.ts'

/** The programs that the namespace runner starts, and Debian's packages that they are in. */
const PROGRAMS = {
  bash: 'bash',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  pivot_root: 'util-linux',
  mount: 'mount',
  umount: 'mount',
  hostname: 'hostname',
  tar: 'tar',
  find: 'findutils',
  xargs: 'findutils',
} as const

const PROBE_TIMEOUT_MS = 20_000

let probed: Promise<Availability> | undefined

/** Whether scripts can run in namespaces here. Tries it: what the system has and what it lets a user do are two things. */
export function probeNamespaces(): Promise<Availability> {
  return (probed ??= tryNamespaces())
}

async function tryNamespaces(): Promise<Availability> {
  if (process.platform !== 'linux') return { isAvailable: false, reason: 'this is not Linux' }
  const missing = missingProgram(Object.keys(PROGRAMS))
  if (missing !== undefined) {
    const hint = `Install the package ${PROGRAMS[missing as keyof typeof PROGRAMS]}`
    return { isAvailable: false, reason: `there is no program "${missing}"`, hint }
  }
  try {
    await using users = await makeUserNamespace(currentMapping())
    const inside = ['unshare', '--mount', '--pid', '--fork', '--mount-proc', '--net', '--ipc', '--uts']
    const attempt = ['mount', '-t', 'tmpfs', 'none', '/tmp']
    const { status, stderr, error } = spawnSync('nsenter', [...users.enterArguments, ...inside, ...attempt], {
      encoding: 'utf8',
      timeout: PROBE_TIMEOUT_MS,
    })
    if (status === 0) return { isAvailable: true }
    const reason = error?.message ?? stderr.trim()
    return { isAvailable: false, reason, hint: 'Allow mounts in user namespaces, or run outside of a container' }
  } catch (error) {
    if (!(error instanceof DockerToolsError)) throw error
    return { isAvailable: false, reason: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) }
  }
}

let mapping: IdMapping | undefined

/** The mapping that namespaces of this process have. */
export function currentMapping(): IdMapping {
  const mappers = ['newuidmap', 'newgidmap']
  return (mapping ??= findIdMapping(process.getuid?.() !== 0 && missingProgram(mappers) === undefined))
}
