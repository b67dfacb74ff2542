import { constants, deflateRawSync } from 'node:zlib'
import type { BlockJob, PackBlock } from './block-job.ts'

/** What pigz and gzip use by default. */
const GZIP_LEVEL = 6
const MEMORY_LEVEL = 8

/** Deflates one block with node:zlib. All but the last end at a byte border, so that blocks can be joined. */
export function deflateWithZlib({ input, dictionary, isLast }: BlockJob): Uint8Array {
  return deflateRawSync(input, {
    level: GZIP_LEVEL,
    memLevel: MEMORY_LEVEL,
    finishFlush: isLast ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
    // In one piece: room for the input and what stored blocks add to it.
    chunkSize: input.length + Math.ceil(input.length / 1024) + 256,
    ...(dictionary.length === 0 ? {} : { dictionary }),
  })
}

/** Loads pako, which gives the bytes of Chromium's zlib (the one Node is built with) at any place. */
export async function loadPako(): Promise<PackBlock> {
  const { Deflate, Z_FINISH, Z_SYNC_FLUSH } = await import('pako')
  return ({ input, dictionary, isLast }) => {
    const deflate = new Deflate({
      raw: true,
      level: GZIP_LEVEL,
      memLevel: MEMORY_LEVEL,
      ...(dictionary.length === 0 ? {} : { dictionary: Uint8Array.from(dictionary) }),
    })
    const pieces: Uint8Array[] = []
    deflate.onData = (piece) => {
      pieces.push(piece)
    }
    deflate.push(Uint8Array.from(input), isLast ? Z_FINISH : Z_SYNC_FLUSH)
    return Buffer.concat(pieces)
  }
}
