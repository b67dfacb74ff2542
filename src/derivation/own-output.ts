import type { JsonObject } from '#image'
import type { StorePath } from '#store'
import { type TreeEntry, unpackTree } from '#tree'
import { type Built, makeBuilt, type Meta } from './built.ts'
import type { Instance } from './instance.ts'
import { ourDerivationSpec } from './our-derivation-spec.ts'
import type { Realisable, RealiseSession } from './realisable.ts'
import { realiseInstance, type Workplace } from './realise-instance.ts'
import { writeDerivation } from './write-derivation.ts'

/** What an output of ours is made of, once the paths of all it uses are known. */
export interface OwnPlan {
  /** All that moves a byte of the result, besides the content of what is used. */
  readonly args: JsonObject
  /** What has to be made first. */
  readonly values: Iterable<Realisable>
  /** Every store path used, those of `values` too. */
  readonly inputs: readonly StorePath[]
  /** The content; everything that is used is in the local store. */
  content(place: Workplace): Promise<AsyncIterable<TreeEntry>>
  /** What comes after the content is on disk. */
  finish?(place: Workplace, out: StorePath): Promise<void>
}

/**
 * Something that this process makes by itself, without a shell: the output of
 * a derivation with the builder `builtin:dockertools`.
 *
 * @param maker The builder's name, a part of the path.
 */
export function makeOwnOutput(
  name: string,
  maker: string,
  meta: Meta,
  plan: (session: RealiseSession) => Promise<OwnPlan>,
): Built {
  const planned = new WeakMap<RealiseSession, Promise<{ readonly plan: OwnPlan; readonly instance: Instance }>>()
  const planIn = (session: RealiseSession): Promise<{ readonly plan: OwnPlan; readonly instance: Instance }> => {
    const known = planned.get(session) ?? makePlan(name, maker, session, plan)
    planned.set(session, known)
    return known
  }
  return makeBuilt(name, meta, {
    name,
    async outPath(session) {
      return (await planIn(session)).instance.written.outputs.get('out')!
    },
    async realise(session, options) {
      const { plan: made, instance } = await planIn(session)
      return await realiseInstance(session, instance, 'out', options, async (place) => {
        const out = instance.written.outputs.get('out')!
        await unpackTree(await made.content(place), place.placeOf(out))
        await made.finish?.(place, out)
      })
    },
  })
}

async function makePlan(
  name: string,
  maker: string,
  session: RealiseSession,
  plan: (session: RealiseSession) => Promise<OwnPlan>,
): Promise<{ readonly plan: OwnPlan; readonly instance: Instance }> {
  // Later, so that what is nested deep does not need as deep a stack.
  await Promise.resolve()
  const made = await plan(session)
  const inputs = [...new Set(made.inputs)]
  const spec = ourDerivationSpec({ name, function: maker, args: made.args, inputs })
  const written = writeDerivation(spec, session.store.dir)
  return { plan: made, instance: { spec, written, values: [...made.values], inputs } }
}
