import { mergeImages } from 'dockertools'
import bashNoTag from './bashNoTag.ts'
import redis from './redis.ts'

/**
 * An image keeps its name and tag.
 *
 *     npx dockertools stream examples/nixpkgs/mergedBashNoTagAndRedis.ts | docker load
 *     docker images
 */
export default mergeImages([bashNoTag, redis])
