import { join } from 'node:path'
import { DockerToolsError } from '#errors'
import { toByteString } from '#util'
import { isOnDisk } from './disk-entries.ts'
import { formatHash, hashesEqual } from './hash.ts'
import type { LocalDatabase } from './local-database.ts'
import type { LocalLayout } from './local-layout.ts'
import { measureNarOnDisk } from './measure-nar-on-disk.ts'
import type { PathInfo } from './path-info.ts'
import { storePathBaseName } from './store-path.ts'
import type { StoreFault, VerifyOptions, VerifyReport } from './writable-store.ts'

/** Compares what is registered with what is on disk. */
export async function verifyStore(
  layout: LocalLayout,
  database: LocalDatabase,
  { checksContents = false }: VerifyOptions,
): Promise<VerifyReport> {
  const faults: StoreFault[] = []
  const paths = database.paths()
  for (const path of paths) {
    const info = database.find(path)
    if (info === undefined) continue
    const fault = await findFault(join(layout.storeDir, storePathBaseName(path)), info, checksContents)
    // Another process may have deleted it just now.
    if (fault !== undefined && database.has(path)) faults.push({ path, ...fault })
  }
  return { pathCount: paths.length, faults }
}

async function findFault(
  place: string,
  info: PathInfo,
  checksContents: boolean,
): Promise<Pick<StoreFault, 'fault' | 'message'> | undefined> {
  if (!(await isOnDisk(place))) return { fault: 'missing', message: `"${info.path}" is registered, but not on disk` }
  if (!checksContents) return undefined
  try {
    const { narHash, narSize } = await measureNarOnDisk(toByteString(place))
    if (narSize === info.narSize && hashesEqual(narHash, info.narHash)) return undefined
    const [actual, expected] = [formatHash(narHash, 'sri'), formatHash(info.narHash, 'sri')]
    return {
      fault: 'changed',
      message: `"${info.path}" has the NAR hash ${actual} and ${narSize} bytes, it should have ${expected} and ${info.narSize}`,
    }
  } catch (error) {
    if (!(error instanceof DockerToolsError)) throw error
    return { fault: 'unreadable', message: error.message }
  }
}
