/**
 * What everything else stands on: byte strings, temp directories, child
 * processes, concurrency. Knows nothing of images, tar or Nix.
 */
export {
  type ByteString,
  byteStringToBytes,
  byteStringToText,
  bytesToByteString,
  compareByteStrings,
  isAscii,
  toByteString,
  toFsPath,
} from './byte-string.ts'
export { makeTempDir, type TempDir } from './make-temp-dir.ts'
export { unreachable } from './unreachable.ts'
