import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { DockerToolsError } from '#errors'
import { type Digest, parseDigest } from '#image'
import { type ByteSink, inTurns, type Spool } from '#util'
import { followWrites, WriteProgress } from './follow-writes.ts'
import type { RereadableBytes } from './image-parts.ts'

/** A blob, by what registries call it. */
export interface BlobName {
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
}

/** A blob whose bytes are at hand for as long as somebody owns it. */
export interface KeptBlob extends RereadableBytes, AsyncDisposable {
  readonly digest: Digest
}

/** A blob that is being written. */
export interface BlobDraft extends ByteSink, AsyncDisposable {
  write(chunk: Uint8Array): Promise<void>
  /** Reads what is written while it is written. The blob, or the draft, may not be disposed of before this has ended. */
  follow(): AsyncIterable<Uint8Array>
  /** Nothing more is written. The draft belongs to the blob from now on. */
  finish(): Promise<KeptBlob>
  /** Nothing more is written, as it is of no use any more: whoever reads along is told. */
  giveUp(): void
}

/** A blob in an open file. */
export function fileBlob(file: FileHandle, { digest, size }: BlobName): KeptBlob {
  return {
    digest,
    size,
    open: (offset) => inTurns(offset, size, readerOf(file)),
    [Symbol.asyncDispose]: () => file.close(),
  }
}

/** A draft in a file that gets its name from `onFinish`. */
export function fileDraft(file: FileHandle, onFinish: (digest: Digest) => Promise<void>): BlobDraft {
  const hash = createHash('sha256')
  const progress = new WriteProgress()
  let size = 0
  let isOwned = true
  return {
    async write(chunk) {
      hash.update(chunk)
      for (let done = 0; done < chunk.length;) {
        done += await written(file, chunk.subarray(done), size + done)
      }
      size += chunk.length
      progress.add(chunk.length)
    },
    follow: () => followWrites(progress, readerOf(file)),
    giveUp: () => progress.end('dropped'),
    async finish() {
      progress.end('whole')
      const digest = parseDigest(`sha256:${hash.digest('hex')}`)
      await onFinish(digest)
      isOwned = false
      return fileBlob(file, { digest, size })
    },
    async [Symbol.asyncDispose]() {
      if (isOwned) await file.close()
    },
  }
}

/** A draft that is gone with its owner. */
export function spoolDraft(spool: Spool): BlobDraft {
  const hash = createHash('sha256')
  const progress = new WriteProgress()
  const read = (target: Uint8Array, position: number): number => spool.readNow(target, position)
  let isOwned = true
  return {
    async write(chunk) {
      hash.update(chunk)
      await spool.write(chunk)
      progress.add(chunk.length)
    },
    follow: () => followWrites(progress, read),
    giveUp: () => progress.end('dropped'),
    finish() {
      progress.end('whole')
      isOwned = false
      return Promise.resolve({
        digest: parseDigest(`sha256:${hash.digest('hex')}`),
        size: spool.size,
        open: (offset: number) => inTurns(offset, spool.size, read),
        [Symbol.asyncDispose]: () => Promise.resolve(spool[Symbol.asyncDispose]()),
      })
    },
    async [Symbol.asyncDispose]() {
      if (isOwned) await spool[Symbol.asyncDispose]()
    },
  }
}

function readerOf(file: FileHandle): (target: Uint8Array, position: number) => Promise<number> {
  return async (target, position) => (await file.read(target, 0, target.length, position)).bytesRead
}

/** The digest of all bytes of something. */
export async function digestOfBytes(bytes: RereadableBytes): Promise<Digest> {
  const hash = createHash('sha256')
  for await (const chunk of bytes.open(0)) hash.update(chunk)
  return parseDigest(`sha256:${hash.digest('hex')}`)
}

async function written(file: FileHandle, chunk: Uint8Array, position: number): Promise<number> {
  try {
    return (await file.write(chunk, 0, chunk.length, position)).bytesWritten
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const message = `Cannot keep a compressed layer in the cache: ${reason}`
    throw new DockerToolsError('WRITE_FAILED', message, {
      cause: error,
      hint: 'Make room, or set XDG_CACHE_HOME to a folder on another disk',
    })
  }
}
