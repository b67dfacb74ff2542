import { readSync, closeSync, openSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import { DockerToolsError } from '#errors'
import { type DiskBody, type DiskEntry, writeExt2 } from '#ext2'
import { readTar } from '#tar'
import { scanTree } from '#tree'
import { type ByteString, byteStringToText, toByteString, toFsPath } from '#util'
import type { OwnedEntry, RunJob, TreeSource } from './runner.ts'

/** A file that the guest's programs are made of; its path begins with `job/`. */
export interface JobFile {
  readonly entry: DiskEntry
  /** What is in it, where it is a file. */
  readonly content: Uint8Array
}

const READ_BYTES = 1024 * 1024
const ROOT: DiskEntry = { path: '' as ByteString, type: 'directory', mode: 0o755, uid: 0, gid: 0 }

/** Writes the disk that the guest is given: the base, the store, and what runs. */
export async function writeGivenDisk(path: string, job: RunJob, files: readonly JobFile[]): Promise<void> {
  const store = storeFiles(job)
  await using file = await open(path, 'wx', 0o600)
  const entries = [
    ROOT,
    folder('base'),
    ...(job.base?.entries ?? []).filter(({ path: name }) => name !== '').map((entry) => below('base', entry)),
    folder('store'),
    ...store.map(({ entry }) => entry),
    folder('job'),
    ...files.map(({ entry }) => entry),
  ]
  await writeExt2(file, entries, bodies(job.base, store, files))
}

/** Writes the disk that the guest writes to: what is laid over the base is there already. */
export async function writeUpperDisk(path: string, upper: TreeSource, imageBytes: number): Promise<void> {
  await using file = await open(path, 'wx', 0o600)
  const entries = [ROOT, ...upper.entries.map((entry) => below('upper', entry)), folder('work')]
  await writeExt2(file, entries, treeBodies('upper', upper), { imageBytes })
}

function folder(name: string): DiskEntry {
  return { ...ROOT, path: toByteString(name) }
}

function below(place: string, entry: OwnedEntry): DiskEntry {
  return { ...entry, path: (entry.path === '' ? place : `${place}/${entry.path}`) as ByteString }
}

async function* bodies(
  base: TreeSource | undefined,
  store: readonly StoreFile[],
  files: readonly JobFile[],
): AsyncGenerator<DiskBody> {
  if (base !== undefined) yield* treeBodies('base', base)
  for (const { entry, onDisk } of store) {
    yield { path: entry.path, mtimeSeconds: 1, body: () => fileBody(onDisk) }
  }
  for (const { entry, content } of files) yield { path: entry.path, mtimeSeconds: 1, body: () => once(content) }
}

async function* treeBodies(place: string, tree: TreeSource): AsyncGenerator<DiskBody> {
  for await (const member of readTar(tree.tar())) {
    // `./` and `./NAME`, a folder with a slash at its end.
    const name = member.header.path.replace(/^\.\/?/, '').replace(/\/$/, '')
    const path = (name === '' ? place : `${place}/${name}`) as ByteString
    yield { path, mtimeSeconds: member.header.mtimeSeconds, body: () => member.body() }
  }
}

interface StoreFile {
  readonly entry: DiskEntry
  readonly onDisk: ByteString
}

/** Everything in the store paths of the job: the store's owner is root, as it is where Nix has it. */
function storeFiles({ store }: RunJob): readonly StoreFile[] {
  return store.binds.flatMap(({ logical, physical }) => {
    const place = toByteString(`store/${basename(logical)}`)
    const root = toByteString(physical)
    return scanTree(root, { order: 'bytes' })
      .map(({ path, ...rest }): StoreFile => {
        const entry = { ...rest, path: (path === '' ? place : `${place}/${path}`) as ByteString, uid: 0, gid: 0 }
        return { entry, onDisk: (path === '' ? root : `${root}/${path}`) as ByteString }
      })
      .toArray()
  })
}

// oxlint-disable-next-line require-await -- bodies are read asynchronously
async function* fileBody(path: ByteString): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafe(READ_BYTES)
  let fd: number
  try {
    fd = openSync(toFsPath(path), 'r')
  } catch (cause) {
    throw new DockerToolsError('FILE_UNREADABLE', `Cannot read "${byteStringToText(path)}"`, { cause })
  }
  try {
    for (let count = readSync(fd, buffer); count > 0; count = readSync(fd, buffer)) yield buffer.subarray(0, count)
  } finally {
    closeSync(fd)
  }
}

// oxlint-disable-next-line require-await -- bodies are read asynchronously
async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
