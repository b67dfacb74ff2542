import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Debian's static busybox: a program that runs in an image that holds nothing else. */
export const BUSYBOX = '/bin/busybox'

/** Options for a test. */
interface Needed {
  readonly skip: string | false
}

/** Options of a test that needs programs; it is skipped, with the reason, where one is missing. */
export function needs(...programs: readonly string[]): Needed {
  const missing = programs.find((program) => !isThere(program))
  return { skip: missing === undefined ? false : `no program ${missing} here` }
}

/** As `needs`, of a test that only root can run: it makes owners, mounts or a daemon. */
export function needsRoot(...programs: readonly string[]): Needed {
  return process.getuid?.() === 0 ? needs(...programs) : { skip: 'only root can do this' }
}

function isThere(program: string): boolean {
  if (program.startsWith('/')) return existsSync(program)
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)))
}
