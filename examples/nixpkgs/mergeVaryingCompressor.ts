import { mergeImages } from 'dockertools'
import bashUncompressed from './bashUncompressed.ts'
import bashZstdCompressed from './bashZstdCompressed.ts'
import redis from './redis.ts'

/**
 * The result is compressed as the last one is.
 *
 *     npx dockertools stream examples/nixpkgs/mergeVaryingCompressor.ts | docker load
 *     docker images
 */
export default mergeImages([redis, bashUncompressed, bashZstdCompressed])
