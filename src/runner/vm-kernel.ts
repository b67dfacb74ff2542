import { accessSync, closeSync, constants, existsSync, globSync, openSync, readSync } from 'node:fs'
import { release } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { DockerToolsError } from '#errors'

/** A kernel that a guest can be started with. */
export interface GuestKernel {
  readonly path: string
  /** For example `6.1.0-56-cloud-amd64`. */
  readonly release: string
  /** The folder with its modules, or undefined where none is found: then it has to do without. */
  readonly modules: string | undefined
}

/** Where distributions put kernels. */
const PLACES = ['/boot/vmlinuz*', '/lib/modules/*/vmlinuz', '/usr/lib/modules/*/vmlinuz', '/run/booted-system/kernel']
const HEADER_BYTES = 64 * 1024
const PACKAGES =
  'Install linux-image-cloud-amd64 (Debian), linux-virtual (Ubuntu), kernel-core (Fedora) or linux-virt (Alpine)'

/**
 * Finds a kernel: the one that is named, or one of this machine's, the running
 * one's release first, then those with modules, the newest of them.
 *
 * @throws {DockerToolsError} `PROGRAM_MISSING` if there is none, `FILE_UNREADABLE` if this user may read none.
 */
export function findKernel(named: string | undefined): GuestKernel {
  if (named !== undefined) return openKernel(named, [dirname(named), join(dirname(named), '..')])
  const found = [...new Set(globSync([...PLACES]))].filter((path) => !path.endsWith('.old')).toSorted()
  const readable = found.filter(isReadable)
  const kernels = readable.map((path) => openKernel(path, [])).toReversed()
  const running = kernels.find((kernel) => kernel.release === release() && kernel.modules !== undefined)
  const best = running ?? kernels.find(({ modules }) => modules !== undefined) ?? kernels[0]
  if (best !== undefined) return best
  const [first] = found
  if (first !== undefined) {
    throw new DockerToolsError(
      'FILE_UNREADABLE',
      `Cannot start a guest: this user may not read the kernel "${first}"`,
      {
        hint: 'Let others read it (chmod +r), or name another one with --vm-kernel',
      },
    )
  }
  throw new DockerToolsError('PROGRAM_MISSING', 'Cannot start a guest: there is no kernel on this machine', {
    hint: `${PACKAGES}, or name one with --vm-kernel`,
  })
}

function openKernel(path: string, nearby: readonly string[]): GuestKernel {
  const kernelRelease = readRelease(path)
  const own = basename(dirname(path)) === kernelRelease ? [dirname(path)] : []
  const roots = [...nearby, '/', '/usr'].flatMap((root) => [join(root, 'lib/modules'), join(root, 'modules')])
  const places = [...own, ...roots.map((root) => join(root, kernelRelease))]
  return { path, release: kernelRelease, modules: places.find((place) => existsSync(place)) }
}

/** The header of an x86 kernel says where its version stands; others are named for it. */
function readRelease(path: string): string {
  const header = readStart(path)
  if (header.toString('latin1', 0x202, 0x206) === 'HdrS') {
    const start = 0x200 + header.readUInt16LE(0x20e)
    const [version = ''] = header.toString('latin1', start, start + 256).split(/[ \0]/)
    if (/^\d[\w.+~-]*$/.test(version)) return version
  }
  const [, named] = /^vmlinu[xz]-(.+)$/.exec(basename(path)) ?? []
  if (named !== undefined) return named
  throw new DockerToolsError('FORMAT_INVALID', `Cannot start a guest: "${path}" should be a Linux kernel`, {
    hint: 'Name a bzImage, or a file vmlinux-RELEASE',
  })
}

function readStart(path: string): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (cause) {
    const what = existsSync(path) ? 'this user may not read it' : 'it is not there'
    throw new DockerToolsError('FILE_UNREADABLE', `Cannot start a guest with the kernel "${path}": ${what}`, { cause })
  }
  try {
    readSync(fd, header)
    return header
  } catch (cause) {
    throw new DockerToolsError('FILE_UNREADABLE', `Cannot start a guest with the kernel "${path}": it is no file`, {
      cause,
    })
  } finally {
    closeSync(fd)
  }
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch {
    return false
  }
}
