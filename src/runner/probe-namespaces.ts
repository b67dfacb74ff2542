import { findIdMapping, type IdMapping } from './id-mapping.ts'
import { missingProgram } from './missing-program.ts'
import type { Availability } from './store-view.ts'

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

/**
 * Whether this machine has the programs for running scripts in namespaces.
 * Whether the system allows namespaces shows itself at once when a job is run.
 */
export function probeNamespaces(): Promise<Availability> {
  if (process.platform !== 'linux') return Promise.resolve({ isAvailable: false, reason: 'this is not Linux' })
  const missing = missingProgram(Object.keys(PROGRAMS))
  if (missing === undefined) return Promise.resolve({ isAvailable: true })
  const hint = `Install the package ${PROGRAMS[missing as keyof typeof PROGRAMS]}`
  return Promise.resolve({ isAvailable: false, reason: `there is no program "${missing}"`, hint })
}

let mapping: IdMapping | undefined

/** The mapping that namespaces of this process have. */
export function currentMapping(): IdMapping {
  const mappers = ['newuidmap', 'newgidmap']
  return (mapping ??= findIdMapping(process.getuid?.() !== 0 && missingProgram(mappers) === undefined))
}
