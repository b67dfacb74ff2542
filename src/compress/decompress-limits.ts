import { DockerToolsError } from '#errors'

/** How much a foreign stream may ask of this machine. */
export interface DecompressLimits {
  /** Bytes that may come out. Default: no limit, because callers who know a size check it anyway. */
  readonly maxBytes: number
  /**
   * Bytes that may come out for each byte that went in, once more than
   * `ratioFromBytes` have come out. The default of 1000 lets real images pass
   * (sparse database files reach 500), and stops zstd and xz bombs, which reach
   * 30000. Deflate itself ends at 1032.
   */
  readonly maxRatio: number
  /** Bytes that may come out before `maxRatio` is looked at. Default: 1 GiB. */
  readonly ratioFromBytes: number
  /**
   * Bytes of history that a zstd or xz stream may make us keep in memory.
   * Default: 128 MiB, which is what the zstd program accepts (`--long=27`) and
   * twice what `xz -9` asks for.
   */
  readonly maxWindowBytes: number
}

export const DEFAULT_DECOMPRESS_LIMITS: DecompressLimits = {
  maxBytes: Number.POSITIVE_INFINITY,
  maxRatio: 1000,
  ratioFromBytes: 1024 ** 3,
  maxWindowBytes: 128 * 1024 ** 2,
}

/** Counts the bytes of one stream on both sides, and stops it when a limit is passed. */
export class LimitGuard {
  bytesIn = 0
  bytesOut = 0
  readonly #limits: DecompressLimits

  constructor(limits: DecompressLimits) {
    this.#limits = limits
  }

  countInput(chunk: Uint8Array): void {
    this.bytesIn += chunk.length
  }

  /** @throws {DockerToolsError} `LIMIT_EXCEEDED` if `chunk` is more than may come out. */
  countOutput(chunk: Uint8Array): void {
    this.bytesOut += chunk.length
    const { maxBytes, maxRatio, ratioFromBytes } = this.#limits
    if (this.bytesOut > maxBytes) {
      throw new DockerToolsError(
        'LIMIT_EXCEEDED',
        `Cannot decompress stream: it holds more than ${maxBytes} bytes, the limit "maxBytes"`,
        { hint: 'If the data is to be trusted, raise the limit "maxBytes"' },
      )
    }
    if (this.bytesOut > ratioFromBytes && this.bytesOut > this.bytesIn * maxRatio) {
      throw new DockerToolsError(
        'LIMIT_EXCEEDED',
        `Cannot decompress stream: ${this.bytesIn} bytes became more than ${this.bytesOut - 1}, the limit "maxRatio" is ${maxRatio} to 1`,
        { hint: 'If the data is to be trusted, raise the limit "maxRatio"' },
      )
    }
  }
}
