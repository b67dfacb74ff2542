import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { type Digest, parseDigest } from '#image'
import type { ByteSink, Spool } from '#util'
import type { BlobName } from './packed-cache.ts'
import type { RereadableBytes } from './image-parts.ts'

/** A blob whose bytes are at hand for as long as somebody owns it. */
export interface KeptBlob extends RereadableBytes, AsyncDisposable {
  readonly digest: Digest
}

/** A blob that is being written. */
export interface BlobDraft extends ByteSink, AsyncDisposable {
  write(chunk: Uint8Array): Promise<void>
  /** Nothing more is written. The draft belongs to the blob from now on. */
  finish(): Promise<KeptBlob>
}

const READ_BYTES = 256 * 1024

/** A blob in an open file. */
export function fileBlob(file: FileHandle, { digest, size }: BlobName): KeptBlob {
  return {
    digest,
    size,
    async *open(offset) {
      for (let position = offset; position < size;) {
        const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, size - position))
        const { bytesRead } = await file.read(buffer, 0, buffer.length, position)
        if (bytesRead === 0) return
        position += bytesRead
        yield buffer.subarray(0, bytesRead)
      }
    },
    [Symbol.asyncDispose]: () => file.close(),
  }
}

/** A draft in a file that gets its name from `onFinish`. */
export function fileDraft(file: FileHandle, onFinish: (digest: Digest) => Promise<void>): BlobDraft {
  const hash = createHash('sha256')
  let size = 0
  let isOwned = true
  return {
    async write(chunk) {
      hash.update(chunk)
      for (let done = 0; done < chunk.length;) {
        const { bytesWritten } = await file.write(chunk, done, chunk.length - done, size + done)
        done += bytesWritten
      }
      size += chunk.length
    },
    async finish() {
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
  let isOwned = true
  return {
    async write(chunk) {
      hash.update(chunk)
      await spool.write(chunk)
    },
    finish() {
      isOwned = false
      return Promise.resolve({
        digest: parseDigest(`sha256:${hash.digest('hex')}`),
        size: spool.size,
        open: (offset: number) => spool.read(offset),
        [Symbol.asyncDispose]: () => Promise.resolve(spool[Symbol.asyncDispose]()),
      })
    },
    async [Symbol.asyncDispose]() {
      if (isOwned) await spool[Symbol.asyncDispose]()
    },
  }
}

/** The digest of all bytes of something. */
export async function digestOfBytes(bytes: RereadableBytes): Promise<Digest> {
  const hash = createHash('sha256')
  for await (const chunk of bytes.open(0)) hash.update(chunk)
  return parseDigest(`sha256:${hash.digest('hex')}`)
}
