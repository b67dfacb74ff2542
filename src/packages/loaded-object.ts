import type { ByteString } from '#util'
import type { ElfFile } from './elf-file.ts'

/** A file of a program as its loader has it in memory. */
export interface LoadedObject {
  /** The path it was found by: absolute, symlinks and all. */
  readonly path: ByteString
  readonly realPath: ByteString
  readonly elf: ElfFile
  /** What had it loaded first; undefined for the program itself. */
  readonly loadedBy: LoadedObject | undefined
}
