import { DockerToolsError } from '#errors'
import type { StorePath } from '#store'
import type { DerivationInput, DerivationSpec } from './derivation-spec.ts'
import { type Realisable, REALISE, type RealiseSession } from './realisable.ts'
import { writeDerivation, type WrittenDerivation } from './write-derivation.ts'

/** A derivation whose path is known, and what it is made from. */
export interface Instance {
  readonly spec: DerivationSpec
  readonly written: WrittenDerivation
  /** What has to be made first. */
  readonly values: readonly Realisable[]
  /** The paths of all that it is made from. */
  readonly inputs: readonly StorePath[]
}

/**
 * Writes a derivation that uses `values`: outputs of derivations become
 * derivations to be built first, all others sources.
 */
export async function makeInstance(
  session: RealiseSession,
  spec: DerivationSpec,
  values: ReadonlyMap<Realisable, StorePath>,
): Promise<Instance> {
  const inputDerivations: DerivationInput[] = []
  const inputSources = new Set(spec.inputSources)
  for (const [value, path] of values) {
    const { derivation } = value[REALISE]
    if (derivation === undefined) inputSources.add(path)
    else inputDerivations.push(await derivation.asInput(session))
  }
  const complete = { ...spec, inputDerivations, inputSources: [...inputSources] }
  const written = writeDerivation(complete, session.store.dir)
  const inputs = [...new Set([...inputSources, ...values.values()])]
  return { spec: complete, written, values: [...values.keys()], inputs }
}

/** Writes the `.drv` of a derivation, and those it is built from, to the local store. */
export async function instantiate(session: RealiseSession, { spec, written, values }: Instance): Promise<StorePath> {
  return await session.once(`instantiate ${written.path}`, async () => {
    await session.all(
      values.map(async (value) => {
        const { derivation } = value[REALISE]
        await (derivation === undefined ? session.realise(value) : derivation.instantiate(session))
      }),
    )
    await session.bring(spec.inputSources)
    const path = await session.writable.addText(`${spec.name}.drv`, written.text, written.references)
    if (path === written.path) return path
    throw new DockerToolsError('INTERNAL', `Cannot write "${written.path}": it became "${path}"`)
  })
}
