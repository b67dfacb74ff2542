import { mkdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fullDiskError } from '#errors'
import { closure, type StorePath } from '#store'
import { makeTempDir } from '#util'
import { collectOutputs } from './collect-outputs.ts'
import { compareWithStored } from './compare-with-stored.ts'
import { isMade } from './is-made.ts'
import { type Instance, instantiate } from './instance.ts'
import type { RealiseOptions, RealiseSession } from './realisable.ts'

/** Where something is made. Everything in here is on the disk of the store. */
export interface Workplace {
  /** Shown as the store's folder: outputs are made in here, under their base names. */
  readonly outputsFolder: string
  /** Empty. */
  readonly buildFolder: string
  /** Empty, for what running a builder needs besides. */
  readonly scratch: string
  /** What may be seen, and what outputs may refer to: all that the inputs reach. */
  readonly visible: readonly StorePath[]
  /** Where an output is to be made. */
  placeOf(path: StorePath): string
}

/** How the outputs of a derivation are made, once what it is made from is in the local store. */
export type Make = (workplace: Workplace) => Promise<void>

/**
 * Makes the outputs of a derivation, unless a store has the one that is asked for.
 *
 * @param output Its name.
 */
export async function realiseInstance(
  session: RealiseSession,
  instance: Instance,
  output: string,
  { isRebuild }: RealiseOptions,
  make: Make,
): Promise<StorePath> {
  const { written } = instance
  // Every name that gets here is one of its outputs.
  const path = written.outputs.get(output)!
  if (!isRebuild && (await isMade(session, path))) return path
  await session.once(`${isRebuild ? 'rebuild' : 'build'} ${written.path}`, async () => {
    await session.all(instance.values.map((value) => session.realise(value)))
    await instantiate(session, instance)
    await session.bring(instance.inputs)
    try {
      await session.inTurn(() => makeAlone(session, instance, isRebuild, make))
    } catch (error) {
      throw fullDiskError(`make "${path}"`, error)
    }
  })
  return path
}

/** Other processes may want the same: whoever comes later finds it made. */
async function makeAlone(session: RealiseSession, instance: Instance, isRebuild: boolean, make: Make): Promise<void> {
  const { writable } = session
  const { written } = instance
  const paths = [...written.outputs.values()]
  using _lock = await writable.lock(written.path)
  const missing = await writable.keep(paths)
  if (!isRebuild && missing.length === 0) return
  await using temp = await makeTempDir('build-', dirname(await writable.scratchPath()))
  const [outputsFolder, buildFolder, scratch] = ['store', 'build', 'run'].map((name) => join(temp.path, name)) as [
    string,
    string,
    string,
  ]
  for (const folder of [outputsFolder, buildFolder, scratch]) await mkdir(folder)
  const placeOf = (path: StorePath): string => join(outputsFolder, basename(path))
  const visible = (await closure(writable, instance.inputs)).map((node) => node.path)
  await make({ outputsFolder, buildFolder, scratch, visible, placeOf })
  const outputs = await collectOutputs(instance, outputsFolder, visible)
  if (isRebuild) {
    for (const { path, physicalTemp } of outputs) {
      if (!missing.includes(path)) await compareWithStored(writable, path, physicalTemp)
    }
  }
  const fresh = outputs.filter(({ path }) => missing.includes(path))
  if (fresh.length === 0) return
  await writable.registerOutputs(fresh, { deriver: written.path, known: [...visible, ...paths] })
}
