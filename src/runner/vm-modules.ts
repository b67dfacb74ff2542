import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { DockerToolsError } from '#errors'
import { decompress } from '#compress'
import type { GuestKernel } from './vm-kernel.ts'

/** A kernel module, as the kernel takes it. */
export interface KernelModule {
  readonly name: string
  readonly content: Uint8Array
}

/** What the guest cannot do without, where the kernel does not have it built in. */
const NEEDED = ['virtio_pci', 'virtio_blk', 'overlay'] as const
/** Either can mount the disks; the first asks for a checksum by a name that is not among its dependencies. */
const FILE_SYSTEMS = ['ext4', 'ext2'] as const
const WANTED_BY_EXT4 = 'crc32c_generic'
/** Bytes of one module, unpacked. */
const MAX_MODULE_BYTES = 64 * 1024 ** 2

/**
 * The modules that a guest loads, each behind those that it depends on.
 *
 * @throws {DockerToolsError} `PROGRAM_MISSING` if the kernel has one neither built in nor as a module.
 */
export async function collectModules(kernel: GuestKernel): Promise<readonly KernelModule[]> {
  // Without a folder there is nothing to load: a kernel of one's own may have everything built in.
  if (kernel.modules === undefined) return []
  const shelf = new Shelf(kernel, kernel.modules)
  const fileSystem = FILE_SYSTEMS.find((name) => shelf.has(name)) ?? FILE_SYSTEMS[0]
  if (fileSystem === 'ext4' && shelf.isFile(fileSystem) && shelf.isFile(WANTED_BY_EXT4))
    await shelf.take(WANTED_BY_EXT4)
  for (const name of [...NEEDED, fileSystem]) await shelf.take(name)
  return shelf.taken
}

class Shelf {
  readonly taken: KernelModule[] = []
  readonly #kernel: GuestKernel
  readonly #builtIn: ReadonlySet<string>
  readonly #files: ReadonlyMap<string, string>
  readonly #seen = new Set<string>()

  constructor(kernel: GuestKernel, folder: string) {
    this.#kernel = kernel
    const list = join(folder, 'modules.builtin')
    const builtIn = existsSync(list) ? readFileSync(list, 'utf8').split('\n') : []
    this.#builtIn = new Set(builtIn.map(moduleName))
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
      /\.ko(\.\w+)?$/.test(path),
    )
    this.#files = new Map(files.map((path) => [moduleName(path), join(folder, path)]))
  }

  isFile(name: string): boolean {
    return this.#files.has(name)
  }

  has(name: string): boolean {
    return this.#builtIn.has(name) || this.isFile(name)
  }

  /** Takes a module and before it those that it needs. Deep chains do not exist: the depth is the number of modules. */
  async take(name: string): Promise<void> {
    if (this.#seen.has(name)) return
    this.#seen.add(name)
    const path = this.#files.get(name)
    if (path === undefined) {
      if (this.#builtIn.has(name)) return
      throw new DockerToolsError(
        'PROGRAM_MISSING',
        `Cannot start a guest with the kernel "${this.#kernel.path}": it has no module "${name}" in "${this.#kernel.modules}"`,
        { hint: 'Name a kernel with it by --vm-kernel' },
      )
    }
    const content = await readModule(path)
    for (const dependency of dependenciesOf(content)) await this.take(dependency)
    this.taken.push({ name, content })
  }
}

/** `kernel/fs/crc32c-intel.ko.xz` is the module `crc32c_intel`. */
function moduleName(path: string): string {
  return basename(path)
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_')
}

async function readModule(path: string): Promise<Uint8Array> {
  const stored = readFileSync(path)
  if (path.endsWith('.ko')) return stored
  const chunks: Uint8Array[] = []
  for await (const chunk of decompress('auto', once(stored), { maxBytes: MAX_MODULE_BYTES })) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** A module says what it needs in a text of its own: `depends=virtio,virtio_ring`. */
function dependenciesOf(content: Uint8Array): readonly string[] {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  const mark = Buffer.from('\0depends=')
  const start = bytes.indexOf(mark)
  if (start < 0) return []
  const end = bytes.indexOf(0, start + mark.length)
  const list = bytes.toString('latin1', start + mark.length, end < 0 ? bytes.length : end)
  return list
    .split(',')
    .filter((name) => name !== '')
    .map(moduleName)
}
