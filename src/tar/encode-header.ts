import { DockerToolsError } from '#errors'
import { byteStringToText, isAscii } from '#util'
import { gnuBlocks } from './gnu-blocks.ts'
import { MAX_OCTAL_11, MAX_OCTAL_7, writeHeaderBlock, type HeaderBlock } from './header-block.ts'
import { memberBlock } from './member-block.ts'
import { paxBlocks } from './pax-blocks.ts'
import { paddingLength, TAR_BLOCK_BYTES } from './tar-format.ts'
import type { TarDialect, TarHeader } from './tar-header.ts'

/**
 * Every block of a member before its body: extended headers where a value does
 * not fit its field, then the main header.
 *
 * @throws {DockerToolsError} `PATH_UNSAFE` if the name is empty, or it or the
 *   link target has a NUL; `FORMAT_UNSUPPORTED` if the dialect has no way to
 *   say what the header says.
 */
export function encodeHeader(header: TarHeader, dialect: TarDialect): Uint8Array {
  const block = memberBlock(header, dialect)
  checkBlock(block, header, dialect)
  const { extensions, main } =
    dialect === 'pax' ? paxBlocks(block, header.paxRecords) : gnuBlocks(block, dialect === 'gnu-numeric')
  let length = TAR_BLOCK_BYTES
  for (const { payload } of extensions) length += TAR_BLOCK_BYTES + payload.length + paddingLength(payload.length)
  const bytes = Buffer.alloc(length)
  let offset = 0
  for (const extension of extensions) {
    writeHeaderBlock(extension.block, bytes, offset)
    offset += TAR_BLOCK_BYTES
    bytes.write(extension.payload, offset, 'latin1')
    offset += extension.payload.length + paddingLength(extension.payload.length)
  }
  writeHeaderBlock(main, bytes, offset)
  return bytes
}

/**
 * As `encodeHeader`, but into a buffer, which may be shared memory: this is
 * called for each file of an image, so the ordinary case is one block written
 * in place.
 *
 * @returns The offset behind what was written, or -1 if it does not fit; then
 *   `target` is as it was.
 */
export function encodeHeaderInto(header: TarHeader, dialect: TarDialect, target: Uint8Array, offset: number): number {
  const block = memberBlock(header, dialect)
  if (header.paxRecords === undefined && isPlain(block)) {
    if (offset + TAR_BLOCK_BYTES > target.length) return -1
    writeHeaderBlock(block, target, offset)
    return offset + TAR_BLOCK_BYTES
  }
  const bytes = encodeHeader(header, dialect)
  if (offset + bytes.length > target.length) return -1
  target.set(bytes, offset)
  return offset + bytes.length
}

/** Whether every value fits its field, in every dialect. What it lets pass need not be checked any more. */
function isPlain(block: HeaderBlock): boolean {
  return (
    isPlainText(block.name, 100) &&
    block.name !== '' &&
    isPlainText(block.linkname, 100) &&
    isPlainText(block.uname, 31) &&
    isPlainText(block.gname, 31) &&
    isPlainNumber(block.mode, 0o7777) &&
    isPlainNumber(block.uid, MAX_OCTAL_7) &&
    isPlainNumber(block.gid, MAX_OCTAL_7) &&
    isPlainNumber(block.size, MAX_OCTAL_11) &&
    isPlainNumber(block.mtimeSeconds, MAX_OCTAL_11) &&
    block.device === undefined
  )
}

function isPlainText(text: string, width: number): boolean {
  return text.length === 0 || (text.length <= width && isAscii(text) && !text.includes('\0'))
}

function isPlainNumber(value: number, max: number): boolean {
  return value >= 0 && value <= max && Number.isInteger(value)
}

/** Refuses what neither dialect, or not this one, can say. */
function checkBlock(block: HeaderBlock, header: TarHeader, dialect: TarDialect): void {
  const refuse = (code: 'PATH_UNSAFE' | 'FORMAT_UNSUPPORTED', why: string): never => {
    throw new DockerToolsError(code, `Cannot write the tar member "${byteStringToText(header.path)}": ${why}`)
  }
  if (header.path === '') refuse('PATH_UNSAFE', 'its name is empty')
  for (const text of [block.name, block.linkname, block.uname, block.gname]) {
    if (text.includes('\0')) refuse('PATH_UNSAFE', 'a name holds a NUL byte')
  }
  if (!isPlainNumber(block.mode, 0o7777)) refuse('FORMAT_UNSUPPORTED', `its mode is ${block.mode}, not 0 to 4095`)
  if (!isPlainNumber(block.size, Number.MAX_SAFE_INTEGER)) refuse('FORMAT_UNSUPPORTED', `its size is ${block.size}`)
  for (const [what, value] of [
    ['user', block.uid],
    ['group', block.gid],
  ] as const) {
    if (!Number.isSafeInteger(value)) refuse('FORMAT_UNSUPPORTED', `its ${what} number is ${value}`)
  }
  const mtimeIsFine =
    dialect === 'pax'
      ? Math.abs(block.mtimeSeconds) <= Number.MAX_SAFE_INTEGER
      : Number.isSafeInteger(block.mtimeSeconds)
  if (!mtimeIsFine) refuse('FORMAT_UNSUPPORTED', `its time is ${block.mtimeSeconds} seconds`)
  if (dialect !== 'pax' && header.paxRecords !== undefined && header.paxRecords.size > 0) {
    refuse('FORMAT_UNSUPPORTED', 'it has extended records, which are for the dialect "pax"')
  }
  for (const value of block.device === undefined ? [] : [block.device.major, block.device.minor]) {
    const max = dialect === 'pax' ? MAX_OCTAL_7 : Number.MAX_SAFE_INTEGER
    if (!isPlainNumber(value, max)) refuse('FORMAT_UNSUPPORTED', `its device number is ${value}, not 0 to ${max}`)
  }
}
