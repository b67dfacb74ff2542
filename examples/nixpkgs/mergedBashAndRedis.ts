import { mergeImages } from 'dockertools'
import bashImage from './bash.ts'
import redis from './redis.ts'

/**
 * What both images share is in the archive once.
 *
 *     npx dockertools stream examples/nixpkgs/mergedBashAndRedis.ts | docker load
 *     docker images
 */
export default mergeImages([bashImage, redis])
