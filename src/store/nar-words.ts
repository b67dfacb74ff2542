/** Zeros after `size` bytes up to a multiple of eight. */
export function paddingLength(size: number): number {
  return (8 - (size % 8)) % 8
}

/** One word of a NAR: its length in eight bytes, the bytes, zeros up to a multiple of eight. */
export function encodeWord(bytes: Buffer): Buffer {
  return Buffer.concat([encodeLength(bytes.length), bytes, Buffer.alloc(paddingLength(bytes.length))])
}

/** A length as it stands before a word, or before a file's contents. */
export function encodeLength(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

/** Keywords that always follow one another, and their bytes. */
export interface Phrase {
  readonly keywords: readonly string[]
  readonly bytes: Buffer
}

function phrase(...keywords: readonly string[]): Phrase {
  return { keywords, bytes: Buffer.concat(keywords.map((keyword) => encodeWord(Buffer.from(keyword)))) }
}

export const MAGIC: Phrase = phrase('nix-archive-1')
/** The name follows, then `NODE` and the node itself. */
export const ENTRY: Phrase = phrase('entry', '(', 'name')
/** `ENTRY` after its first word. */
export const ENTRY_REST: Phrase = phrase('(', 'name')
export const NODE: Phrase = phrase('node')
/** How every node starts. */
export const TYPE: Phrase = phrase('(', 'type')
export const DIRECTORY: Phrase = phrase('(', 'type', 'directory')
/** The size and the contents follow. */
export const FILE: Phrase = phrase('(', 'type', 'regular', 'contents')
export const EXECUTABLE: Phrase = phrase('(', 'type', 'regular', 'executable', '', 'contents')
/** `EXECUTABLE` after the word it is named for. */
export const EXECUTABLE_REST: Phrase = phrase('', 'contents')
/** The target follows. */
export const SYMLINK: Phrase = phrase('(', 'type', 'symlink', 'target')
/** Ends a node that is the root; ends the content of a directory. */
export const END: Phrase = phrase(')')
/** Ends a node and the entry it is in. */
export const ENTRY_END: Phrase = phrase(')', ')')
