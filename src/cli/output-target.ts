import { fstatSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { DockerToolsError, systemErrorCode } from '#errors'

/** What a name behind `-o` leads to. */
export type OutputTarget =
  /** A file that is there or not: `path` is its own name, with no link in it at the end. */
  | { readonly kind: 'file'; readonly path: string }
  /** Standard output of this program, under whatever name. */
  | { readonly kind: 'stdout' }
  | { readonly kind: 'fifo' | 'device'; readonly path: string }

/** A link such as `result` leads to what nobody may change: it is replaced itself. */
const IN_STORE = /\/store\/[0-9a-z]{32}-[^/]+(?:\/|$)/

/** As many links as Linux follows. */
const MAX_LINKS = 40

const NAMES_OF_STDOUT: ReadonlySet<string> = new Set(['/dev/stdout', '/dev/fd/1', '/proc/self/fd/1'])

/**
 * Finds out where to write. What is no file is never replaced by one: `/dev/null` has to stay what it is.
 *
 * @throws {DockerToolsError} `WRITE_FAILED` for a folder and a socket; what the system says of the rest as it is.
 */
export function findOutputTarget(given: string): OutputTarget {
  const path = resolve(given)
  if (leadsToStdout(path)) return { kind: 'stdout' }
  const stats = statOf(path)
  if (stats === undefined || stats.isFile()) {
    const end = stats === undefined ? followDanglingLinks(path) : realpathSync(path)
    return { kind: 'file', path: IN_STORE.test(end) ? path : end }
  }
  if (stats.isFIFO()) return { kind: 'fifo', path }
  if (stats.isCharacterDevice() || stats.isBlockDevice()) return { kind: 'device', path }
  const what = stats.isDirectory() ? 'a folder' : 'a socket'
  throw new DockerToolsError('WRITE_FAILED', `Cannot write "${given}": it is ${what}, it should be a file`)
}

/** Whether it is standard output, so that the result must stand there alone. */
export function leadsToStdout(given: string): boolean {
  const path = resolve(given)
  if (NAMES_OF_STDOUT.has(path)) return true
  try {
    const [there, stdout] = [statSync(path), fstatSync(1)]
    // A file is replaced under its name, also where standard output happens to go to the old one.
    return !there.isFile() && there.dev === stdout.dev && there.ino === stdout.ino && there.rdev === stdout.rdev
  } catch {
    return false
  }
}

function statOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false })
}

/** The file that is not there yet, behind a link that leads to it. */
function followDanglingLinks(path: string): string {
  let current = path
  for (let links = 0; links < MAX_LINKS; links++) {
    const target = linkTarget(current)
    if (target === undefined) return current
    // `..` in a link counts from where its folder really is.
    current = resolve(realpathSync(dirname(current)), target)
  }
  return current
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'ENOENT' || code === 'EINVAL' || code === 'ENOTDIR') return undefined
    throw error
  }
}
