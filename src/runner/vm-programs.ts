import { spawnSync } from 'node:child_process'
import { accessSync, constants, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { DockerToolsError } from '#errors'

/** Programs of this machine that a guest is made with. */
export interface GuestPrograms {
  readonly qemu: string
  /** Needs no libraries, so that it runs in any root. */
  readonly busybox: string
  readonly applets: readonly string[]
  /** The same of bash, where there is one. */
  readonly staticBash: string | undefined
}

const QEMU = 'qemu-system-x86_64'
const BUSYBOX = ['busybox', 'busybox.static', 'busybox-static']
const BASH = ['bash-static']
/** What the programs in the guest start. */
const NEEDED_APPLETS =
  'cat chroot echo env hostname insmod ln ls mkdir mkfifo mknod mount poweroff sed sh stat stty test umount unshare'.split(
    ' ',
  )

/**
 * Finds them in the folders of a search path.
 *
 * @throws {DockerToolsError} `PROGRAM_MISSING`, which names the package; `NOT_IMPLEMENTED` on machines of another kind.
 */
export function findPrograms(searchPath: string): GuestPrograms {
  if (process.arch !== 'x64') {
    throw new DockerToolsError(
      'NOT_IMPLEMENTED',
      `Cannot start a guest: this machine is ${process.arch}, guests are x64`,
    )
  }
  const [qemu] = candidates(searchPath, [QEMU])
  if (qemu === undefined) throw missing(QEMU, 'qemu-system-x86')
  const rejected: string[] = []
  for (const busybox of candidates(searchPath, BUSYBOX)) {
    const applets = isStatic(busybox) ? appletsOf(busybox) : []
    const lacking = NEEDED_APPLETS.find((name) => !applets.includes(name))
    if (lacking === undefined)
      return { qemu, busybox, applets, staticBash: candidates(searchPath, BASH).find(isStatic) }
    rejected.push(applets.length === 0 ? `"${busybox}" needs libraries` : `"${busybox}" has no ${lacking}`)
  }
  throw missing('static busybox', 'busybox-static', rejected)
}

function missing(program: string, packageName: string, rejected: readonly string[] = []): DockerToolsError {
  const why = rejected.length === 0 ? '' : ` (${rejected.join(', ')})`
  return new DockerToolsError('PROGRAM_MISSING', `Cannot start a guest: there is no ${program}${why}`, {
    hint: `Install ${packageName}`,
  })
}

function candidates(searchPath: string, names: readonly string[]): readonly string[] {
  const folders = searchPath.split(delimiter).filter((folder) => folder !== '')
  const paths = folders.flatMap((folder) => names.map((name) => join(folder, name)))
  return [...new Set(paths)].filter(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    // Not there, or not for us.
    return false
  }
}

const INTERPRETER = 3

/** A program that needs libraries names, in its table of segments, the program that loads them. */
function isStatic(path: string): boolean {
  const bytes = readFileSync(path)
  if (bytes.length < 64 || bytes.toString('latin1', 0, 5) !== '\u007fELF\u0002') return false
  const [table, size, count] = [Number(bytes.readBigUInt64LE(0x20)), bytes.readUInt16LE(0x36), bytes.readUInt16LE(0x38)]
  return Array.from({ length: count }, (_, index) => table + index * size).every(
    (offset) => offset + 4 <= bytes.length && bytes.readUInt32LE(offset) !== INTERPRETER,
  )
}

function appletsOf(busybox: string): readonly string[] {
  const { stdout } = spawnSync(busybox, ['--list'], { encoding: 'utf8', timeout: 10_000 })
  return (stdout ?? '').split('\n').filter((name) => /^[\w[+.-]+$/.test(name))
}
