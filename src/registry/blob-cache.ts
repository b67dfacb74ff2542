import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { systemErrorCode } from '#errors'
import { report } from '#events'
import { type Digest, digestHex } from '#image'

const READ_BYTES = 256 * 1024

/**
 * Blobs and manifests that were fetched before, a file each, named by digest. What comes out of it has to be checked
 * as what comes from a registry is.
 *
 * Nothing depends on it: a cache that cannot be read or written only costs time.
 */
export class BlobCache {
  readonly #directory: string
  #isSwept = false

  /** @param directory Made when first needed. */
  constructor(directory: string) {
    this.#directory = join(directory, 'blobs', 'sha256')
  }

  /** Whether there is a file for it; of the right size, where that is known. */
  async has(digest: Digest, size: number | undefined): Promise<boolean> {
    try {
      const found = await stat(this.#path(digest))
      return found.isFile() && (size === undefined || found.size === size)
    } catch {
      // Missing or unreadable: fetched anew.
      return false
    }
  }

  async *read(digest: Digest): AsyncGenerator<Uint8Array> {
    await using file = await open(this.#path(digest), 'r')
    for (;;) {
      // Readers may keep several chunks in use at once, so each is a buffer of its own.
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES)
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
    }
  }

  /** Takes away what turned out to be something else. */
  async discard(digest: Digest): Promise<void> {
    report({
      type: 'warning',
      code: 'CACHE_CORRUPT',
      message: `The cached blob "${digest}" was damaged, and is fetched again`,
    })
    await rm(this.#path(digest), { force: true }).catch(() => undefined)
  }

  /** Passes `source` on, and keeps it once it has ended well. */
  async *keep(digest: Digest, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const temporary = join(this.#directory, `.${process.pid}-${randomUUID()}`)
    let file = await this.#create(temporary)
    const removeOnExit = (): void => rmSync(temporary, { force: true })
    process.once('exit', removeOnExit)
    try {
      for await (const chunk of source) {
        if (file !== undefined && !(await isWritten(file, chunk))) {
          await close(file, temporary)
          file = undefined
        }
        yield chunk
      }
      if (file === undefined) return
      const whole = file
      file = undefined
      await whole.close()
      await rename(temporary, this.#path(digest)).catch(() => rm(temporary, { force: true }))
    } finally {
      if (file !== undefined) await close(file, temporary)
      process.off('exit', removeOnExit)
    }
  }

  async #create(path: string): Promise<FileHandle | undefined> {
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 })
      if (!this.#isSwept) await sweep(this.#directory)
      this.#isSwept = true
      return await open(path, 'wx', 0o600)
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error
      return undefined
    }
  }

  #path(digest: Digest): string {
    return join(this.#directory, digestHex(digest))
  }
}

/** Removes what processes left that were killed. */
async function sweep(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const pid = /^\.(\d+)-/.exec(name)?.[1]
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(directory, name), { force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return systemErrorCode(error) !== 'ESRCH'
  }
}

/** A disk that is full is no reason to stop. */
async function isWritten(file: FileHandle, chunk: Uint8Array): Promise<boolean> {
  try {
    for (let done = 0; done < chunk.length;) done += (await file.write(chunk, done)).bytesWritten
    return true
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error
    return false
  }
}

async function close(file: FileHandle, path: string): Promise<void> {
  await file.close()
  await rm(path, { force: true })
}
