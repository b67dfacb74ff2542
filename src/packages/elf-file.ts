import type { ByteString } from '#util'

/** What an ELF file was made for; a program loads libraries of its own target only. */
export interface ElfTarget {
  readonly bits: 32 | 64
  readonly isLittleEndian: boolean
  /** The number of the processor, for example 62 for x86-64. */
  readonly machine: number
  /** Flags of the processor. Only ARM's say what can be loaded together. */
  readonly flags: number
}

/** What the dynamic section of a file says to the loader. */
export interface ElfDynamic {
  /** Libraries to be loaded, in order: names, or paths. */
  readonly needed: readonly ByteString[]
  /** The name that others need this one by. */
  readonly soname: ByteString | undefined
  /** Folders to look in, joined by `:`, for this file and what it loads. Void where there is a `runpath`. */
  readonly rpath: ByteString | undefined
  /** Folders to look in for what this file itself needs. */
  readonly runpath: ByteString | undefined
  /** Whether nothing is looked for in the system's own folders (`-z nodefaultlib`). */
  readonly skipsSystemFolders: boolean
}

/** An ELF file, as far as its loader looks at it. */
export interface ElfFile {
  readonly target: ElfTarget
  /** `other`: an object file, a core dump; nothing that is loaded. */
  readonly type: 'executable' | 'shared' | 'other'
  /** The loader that the kernel starts first. */
  readonly interpreter: ByteString | undefined
  /** Undefined where it is linked statically. */
  readonly dynamic: ElfDynamic | undefined
}

const EM_ARM = 40
/** Whether floating-point arguments are passed in registers: all parts of a program have to agree. */
const ARM_FLOAT_ABI = 0x600

/** Whether a program of one target can load a library of the other. */
export function isSameTarget(a: ElfTarget, b: ElfTarget): boolean {
  if (a.bits !== b.bits || a.isLittleEndian !== b.isLittleEndian || a.machine !== b.machine) return false
  if (a.machine !== EM_ARM) return true
  const [left, right] = [a.flags & ARM_FLOAT_ABI, b.flags & ARM_FLOAT_ABI]
  return left === 0 || right === 0 || left === right
}
