/**
 * What everything else stands on: byte strings, sinks and spools, temp
 * directories, child processes. Knows nothing of images, tar or Nix.
 */
export { homeDirectory } from './home-directory.ts'
export { type ByteSink, copyTo, iterateWrites } from './byte-sink.ts'
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
export { type FileWriter, makeFileWriter } from './file-writer.ts'
export { inTurns } from './in-turns.ts'
export { makeTempDir, type TempDir } from './make-temp-dir.ts'
export { nearestName } from './nearest-name.ts'
export { makeSpool, type Spool } from './spool.ts'
export { Slots } from './slots.ts'
export { spawnChecked, type SpawnOptions, spawnUntilSaid } from './spawn-checked.ts'
export { unreachable } from './unreachable.ts'
