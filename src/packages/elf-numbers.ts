import type { BinaryFile } from './binary-file.ts'

const CLASS_AT = 4
const ORDER_AT = 5
const HEADER_32_BYTES = 52
const HEADER_64_BYTES = 64

/** How an ELF file writes its numbers. */
export class ElfNumbers {
  readonly is64: boolean
  readonly isLittleEndian: boolean
  readonly #file: BinaryFile

  private constructor(file: BinaryFile, is64: boolean, isLittleEndian: boolean) {
    this.#file = file
    this.is64 = is64
    this.isLittleEndian = isLittleEndian
  }

  /**
   * Reads from the first bytes of a file how the others are to be read.
   *
   * @throws {DockerToolsError} `TRUNCATED`, `FORMAT_INVALID`.
   */
  static of(file: BinaryFile, header: Buffer): ElfNumbers {
    const [size, order] = [header[CLASS_AT], header[ORDER_AT]]
    if ((size !== 1 && size !== 2 && size !== undefined) || (order !== 1 && order !== 2 && order !== undefined)) {
      throw file.error('FORMAT_INVALID', `its class is ${size} and its byte order ${order}`, 'both should be 1 or 2')
    }
    // The file may be shorter than its header: this says so.
    file.read(0, size === 2 ? HEADER_64_BYTES : HEADER_32_BYTES, 'its header')
    return new ElfNumbers(file, size === 2, order === 1)
  }

  u16(bytes: Buffer, at: number): number {
    return this.isLittleEndian ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at)
  }

  u32(bytes: Buffer, at: number): number {
    return this.isLittleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)
  }

  /** The tag of an entry of the dynamic section; -1 for one that 32 bits do not hold. */
  tag(bytes: Buffer, at: number): number {
    if (!this.is64) return this.u32(bytes, at)
    const value = this.#u64(bytes, at)
    return value > 0xffff_ffffn ? -1 : Number(value)
  }

  /**
   * An address, offset or size: 32 or 64 bits, as the file has them.
   *
   * @throws {DockerToolsError} `FORMAT_INVALID` for one above 2^53, which no file has room for.
   */
  word(bytes: Buffer, at: number, what: string): number {
    if (!this.is64) return this.u32(bytes, at)
    const value = this.#u64(bytes, at)
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value)
    throw this.#file.error('FORMAT_INVALID', `${what} is ${value}`, 'it should be less than 2^53')
  }

  #u64(bytes: Buffer, at: number): bigint {
    return this.isLittleEndian ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at)
  }
}
