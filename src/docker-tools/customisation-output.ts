import { createWriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { digestHex } from '#image'
import { closure, type StorePath } from '#store'
import type { BuildContext } from './build-context.ts'
import { type CustomisationLayer, makeCustomisationLayer } from './customisation-layer.ts'
import type { LayeredIdentity } from './identify-layered-image.ts'
import { realiseInputs } from './realise-inputs.ts'

/** Makes the customisation layer of an image, whether a store has it or not. */
export async function freshCustomisation(
  identity: LayeredIdentity,
  context: BuildContext,
): Promise<CustomisationLayer> {
  const { args, contents, scriptPaths, inputs } = identity
  await realiseInputs(inputs, context)
  const contentsClosure = await closure(context.store, contents)
  const known = [...contentsClosure, ...(await closure(context.store, scriptPaths))].map((node) => node.path)
  return await makeCustomisationLayer(
    {
      contents,
      extraCommands: args.extraCommands,
      fakeRootCommands: args.fakeRootCommands,
      enableFakechroot: args.enableFakechroot,
      nixDatabase: args.includeNixDB
        ? { closure: contentsClosure, contents, upstreamRoot: '/build/old_out' }
        : undefined,
      known: [...new Set(known)],
      namesStorePaths: scriptPaths.length > 0,
    },
    context,
  )
}

/**
 * Writes the layer as upstream's derivation has it: a folder with `layer.tar` and `checksum`.
 *
 * @returns What it refers to.
 */
export async function writeCustomisation(layer: CustomisationLayer, place: string): Promise<readonly StorePath[]> {
  await mkdir(place)
  await writeFile(join(place, 'checksum'), `${digestHex(layer.content.digest)}\n`)
  await pipeline(layer.content.open(), createWriteStream(join(place, 'layer.tar')))
  return layer.references
}
