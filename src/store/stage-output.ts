import { lstatSync } from 'node:fs'
import { resolve } from 'node:path'
import { DockerToolsError, systemErrorCode } from '#errors'
import { toByteString } from '#util'
import { copyTree } from './copy-tree.ts'
import type { MeteredNar } from './nar-meter.ts'
import { openTree } from './open-tree.ts'
import { removeTree } from './remove-tree.ts'
import type { ScratchRoom } from './scratch-room.ts'
import { sealTree } from './seal-tree.ts'

/**
 * Makes something built ready to be moved into a store: on the store's disk,
 * with modes and times as in a store, measured, and with the hash parts in it found.
 *
 * @throws {DockerToolsError} `FILE_UNREADABLE` where nothing was built.
 */
export async function stageOutput(
  physicalTemp: string,
  room: ScratchRoom,
  knownHashParts: ReadonlySet<string>,
): Promise<{ readonly physical: string; readonly metered: MeteredNar }> {
  const made = resolve(physicalTemp)
  const physical = room.freshPath()
  const device = deviceOf(made)
  openTree(made)
  if (device === room.device) return { physical: made, metered: await sealTree(made, knownHashParts) }
  try {
    const metered = await copyTree(toByteString(made), physical, { knownHashParts })
    removeTree(made)
    return { physical, metered }
  } catch (error) {
    removeTree(physical)
    throw error
  }
}

function deviceOf(path: string): number {
  try {
    return lstatSync(path).dev
  } catch (error) {
    const code = systemErrorCode(error)
    const fault = code === 'ENOENT' ? 'nothing is there, something should have been built' : code
    throw new DockerToolsError('FILE_UNREADABLE', `Cannot take "${path}" into a store: ${fault}`, { cause: error })
  }
}
