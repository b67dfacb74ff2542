import { mkdir, open, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DockerToolsError, systemErrorCode } from '#errors'
import type { TarHeader } from '#tar'
import { type ByteSink, toByteString } from '#util'
import { ArchiveWriter } from './archive-writer.ts'

/** Where the files of a layout go. */
export interface LayoutOutput {
  /** Whether a manifest.json for Docker makes sense here. */
  readonly isArchive: boolean
  /** Writes a file, unless one of that name has been written: blobs of one name are the same. */
  file(name: string, size: number, write: (sink: ByteSink) => Promise<void>): Promise<void>
  /** Nothing comes after it. */
  end(): Promise<void>
}

/** The time that files in the archive have: upstream's for everything that has no other. */
const MTIME_SECONDS = 1

/** A layout as a tar. */
export function archiveOutput(sink: ByteSink): LayoutOutput {
  const writer = new ArchiveWriter(sink, 'pax')
  const written = new Set<string>()
  return {
    isArchive: true,
    file: async (name, size, write) => {
      if (written.has(name)) return
      written.add(name)
      await writer.member(header(name, size), write)
    },
    end: () => writer.end(),
  }
}

/**
 * A layout in a folder that is empty, or not there yet.
 *
 * @throws {DockerToolsError} `WRITE_FAILED`, also for a folder with something in it.
 */
export async function folderOutput(folder: string): Promise<LayoutOutput> {
  await attempt(folder, () => mkdir(folder).catch(unlessThere))
  const [first] = await attempt(folder, () => readdir(folder))
  if (first !== undefined) {
    const message = `Cannot write "${folder}": there is "${first}" in it, it should be an empty folder`
    throw new DockerToolsError('WRITE_FAILED', message)
  }
  const written = new Set<string>()
  return {
    isArchive: false,
    file: async (name, _size, write) => {
      if (written.has(name)) return
      written.add(name)
      await writeFile(join(folder, name), write)
    },
    end: () => Promise.resolve(),
  }
}

async function writeFile(path: string, write: (sink: ByteSink) => Promise<void>): Promise<void> {
  await attempt(path, () => mkdir(dirname(path), { recursive: true }))
  await using file = await attempt(path, () => open(path, 'wx', 0o666))
  await write({ write: (chunk) => attempt(path, () => file.writeFile(chunk)) })
}

async function attempt<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new DockerToolsError('WRITE_FAILED', `Cannot write "${path}": ${reason}`, { cause: error })
  }
}

function unlessThere(error: unknown): void {
  if (systemErrorCode(error) !== 'EEXIST') throw error
}

function header(name: string, size: number): TarHeader & { readonly type: 'file' } {
  const noName = toByteString('')
  return {
    type: 'file',
    path: toByteString(name),
    size,
    mode: 0o644,
    uid: 0,
    gid: 0,
    uname: noName,
    gname: noName,
    mtimeSeconds: MTIME_SECONDS,
  }
}
