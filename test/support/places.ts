import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The project's folder, with a slash at its end. */
export const ROOT: string = fileURLToPath(new URL('../../', import.meta.url))

/** The command line as it is installed: the build has to be there. */
export const BINARY: string = join(ROOT, 'bin/dockertools.js')

/** Vectors recorded from the original, beside the project. */
export const GOLDEN: string = fileURLToPath(new URL('../../../shared/golden/', import.meta.url))

/** Options of a test that reads the shared vectors. */
export const skipWithoutGolden: { readonly skip: string | false } = {
  skip: existsSync(GOLDEN) ? false : 'shared folder not there',
}

/** The store that holds every path of the golden cases. */
export const GOLDEN_STORE: string = `file://${GOLDEN}cache`

/** Options of a test that needs programs. */
export function needs(...programs: readonly string[]): { readonly skip: string | false } {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const missing = programs.find((program) => !folders.some((folder) => existsSync(join(folder, program))))
  return { skip: missing === undefined ? false : `no program ${missing} here` }
}

/** Options of a test that gives files to others in a user namespace: root can, and whoever has subordinate numbers. */
export function needsNumbers(): { readonly skip: string | false } {
  const tools = needs('unshare', 'nsenter', 'busybox')
  if (tools.skip !== false || process.getuid?.() === 0) return tools
  const { status } = spawnSync('unshare', ['--map-auto', '--map-root-user', 'true'])
  return { skip: status === 0 ? false : 'no subordinate user numbers here' }
}

/** Options of a test that only root can run: it starts programs as somebody else. */
export const needsRoot: { readonly skip: string | false } = {
  skip: process.getuid?.() === 0 ? false : 'only root can become another user',
}
