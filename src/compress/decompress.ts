import { DockerToolsError } from '#errors'
import { unreachable } from '#util'
import { type Compression, DETECTION_BYTES, detectCompression } from './detect-compression.ts'
import { DEFAULT_DECOMPRESS_LIMITS, type DecompressLimits, LimitGuard } from './decompress-limits.ts'
import { gunzip } from './gunzip.ts'
import { type Peekable, peekable } from './peekable.ts'
import { unxz } from './unxz.ts'
import { unzstd } from './unzstd.ts'

/**
 * Decompresses a stream: all members of gzip, all frames of zstd, all streams
 * of xz. Memory does not grow with the stream, and back-pressure reaches the
 * source. The source is given back (`return()`) when the reader stops early.
 *
 * @param kind What the stream is, or `auto` to tell by its first bytes; then
 *   what is not known comes out as it is.
 * @param source Compressed bytes in chunks of any size. Several may be in use at
 *   once, so a source must not fill a buffer again that it has handed out.
 * @param limits What the stream may ask of this machine; see `DecompressLimits`.
 * @returns The plain bytes, in chunks of up to 512 KiB. The chunks are the
 *   reader's to keep.
 * @throws {DockerToolsError} `TRUNCATED` if the stream ends early,
 *   `FORMAT_INVALID` if it is broken, `FORMAT_UNSUPPORTED` for bzip2, zstd
 *   dictionaries and rare xz filters, `LIMIT_EXCEEDED` if it passes a limit,
 *   which the message names. Errors of the source come through as they are.
 */
export async function* decompress(
  kind: Compression | 'auto',
  source: AsyncIterable<Uint8Array>,
  limits: Partial<DecompressLimits> = {},
): AsyncGenerator<Uint8Array> {
  const resolved = { ...DEFAULT_DECOMPRESS_LIMITS, ...limits }
  const guard = new LimitGuard(resolved)
  const input = peekable(source, (chunk) => guard.countInput(chunk))
  try {
    const found = kind === 'auto' ? detectCompression(await input.peek(DETECTION_BYTES)) : kind
    for await (const chunk of decode(found, input, resolved.maxWindowBytes)) {
      guard.countOutput(chunk)
      yield chunk
    }
  } finally {
    await input.return()
  }
}

function decode(kind: Compression, input: Peekable, maxWindowBytes: number): AsyncIterable<Uint8Array> {
  switch (kind) {
    case 'none':
      return input
    case 'gz':
      return gunzip(input)
    case 'zstd':
      return unzstd(input, maxWindowBytes)
    case 'xz':
      return unxz(input, maxWindowBytes)
    case 'bzip2':
      throw new DockerToolsError(
        'FORMAT_UNSUPPORTED',
        'Cannot decompress stream: it is compressed with bzip2, it should be gzip, zstd, xz or plain',
        { hint: 'Decompress it with bunzip2 first' },
      )
    default:
      return unreachable(kind)
  }
}
