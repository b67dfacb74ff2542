import { constants } from 'node:fs'
import { open, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DockerToolsError, systemErrorCode } from '#errors'
import type { ImageFiles, StoredFile } from './image-files.ts'
import { fileAccess, type RandomAccess } from './random-access.ts'
import { safeName } from './safe-name.ts'

/** The files of a folder as files of an image. Links are followed where they stay inside. */
export class FolderFiles implements ImageFiles {
  /** A folder is not compressed as a whole. */
  readonly compression = 'none'
  readonly #root: string
  readonly #what: string
  readonly #open = new Map<string, Promise<StoredFile & { readonly access: RandomAccess }>>()

  private constructor(root: string, what: string) {
    this.#root = root
    this.#what = what
  }

  static async read(path: string, what: string): Promise<FolderFiles> {
    return new FolderFiles(await realpath(path), what)
  }

  async has(name: string): Promise<boolean> {
    try {
      return (await stat(join(this.#root, name))).isFile()
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(systemErrorCode(error) ?? '')) return false
      throw this.#unreadable(name, error)
    }
  }

  file(name: string): Promise<StoredFile> {
    const known = this.#open.get(name) ?? this.#openFile(name)
    this.#open.set(name, known)
    return known
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await Promise.allSettled(this.#open.values())
    for (const file of opened) if (file.status === 'fulfilled') await file.value.access[Symbol.asyncDispose]()
    this.#open.clear()
  }

  async #openFile(name: string): Promise<StoredFile & { readonly access: RandomAccess }> {
    const path = join(this.#root, safeName(name, this.#what))
    try {
      const real = await realpath(path)
      if (!real.startsWith(`${this.#root}/`)) {
        throw new DockerToolsError('PATH_UNSAFE', `Cannot read ${this.#what}: "${name}" is a link that leads out of it`)
      }
      // The name has no links any more; one put in its place since then is not followed.
      const handle = await open(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
      const stats = await handle.stat()
      if (!stats.isFile()) {
        await handle.close()
        throw new DockerToolsError('FORMAT_INVALID', `Cannot read ${this.#what}: "${name}" should be a regular file`)
      }
      const access = fileAccess(handle)
      return {
        access,
        size: stats.size,
        stream: () => access.stream(0, stats.size),
        readNow: (target, offset) => access.readNow(target, offset),
        read: (offset, length) => access.read(offset, Math.max(0, Math.min(length, stats.size - offset))),
      }
    } catch (error) {
      throw error instanceof DockerToolsError ? error : this.#unreadable(name, error)
    }
  }

  #unreadable(name: string, error: unknown): DockerToolsError {
    const code = systemErrorCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      const reason = `there should be a file "${name}", but it has none`
      return new DockerToolsError('FORMAT_INVALID', `Cannot read ${this.#what}: ${reason}`, { cause: error })
    }
    const reason = error instanceof Error ? error.message : String(error)
    return new DockerToolsError('FILE_UNREADABLE', `Cannot read ${this.#what}: ${reason}`, { cause: error })
  }
}
