import { exportImage } from 'dockertools'
import bashImage from './bash.ts'

/**
 * All layers merged, as `docker export` would give it.
 *
 *     npx dockertools build examples/nixpkgs/exportBash.ts -o result-bash-root.tar
 *     tar -tf result-bash-root.tar
 */
export default exportImage({ fromImage: bashImage })
