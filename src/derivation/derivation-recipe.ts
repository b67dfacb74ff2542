import { DockerToolsError } from '#errors'
import type { StorePath } from '#store'
import { type Built, makeBuilt, type Meta } from './built.ts'
import { buildWithNix } from './build-with-nix.ts'
import { type Coercible, coerceToText, type DerivationArgs, fixedContentOf } from './derivation-args.ts'
import type { DerivationSpec } from './derivation-spec.ts'
import { type Instance, instantiate, makeInstance } from './instance.ts'
import type { Realisation, RealiseOptions, RealiseSession } from './realisable.ts'
import { realiseInstance } from './realise-instance.ts'
import { runDerivation } from './run-derivation.ts'
import { thisSystem } from './this-system.ts'
import { resolveTexts } from './used-texts.ts'

/** A derivation that has not been built yet: its first output, and the others by name. */
export interface DerivationRecipe extends Built {
  readonly outputs: readonly string[]
  /** @throws {DockerToolsError} `DEFINITION_INVALID` for a name that none of its outputs has. */
  output(name: string): Built
}

const ATTRIBUTES = new Set(['name', 'builder', 'system', 'args', 'meta'])

/**
 * A derivation, as Nix's function of the same name makes it: a program that is
 * run with variables and leaves its result at `$out`. Outputs of other
 * builders in the arguments become inputs, and so do store paths written out
 * in them.
 *
 * Its paths are those that Nix gives the same derivation.
 *
 * @param args `name` and `builder` are needed; what is not listed is a variable of the program.
 * @throws {DockerToolsError} `DEFINITION_INVALID`; `FORMAT_INVALID` for a hash that is none.
 * @see nix `src/libexpr/primops.cc`, `derivationStrict`
 *
 * @example What a program makes
 * ```ts
 * import { derivation, importPath, placeholder, realise } from 'dockertools'
 *
 * const copy = derivation({ name: 'copy', builder: '/bin/cp', args: [importPath('./examples/hello/image.json'), placeholder('out')] })
 * const { path } = await realise(copy, { stores: ['local:./result-store'] })
 * console.log(path)
 * ```
 */
export function derivation(args: DerivationArgs): DerivationRecipe {
  const template = readArgs(args)
  const instances = new WeakMap<RealiseSession, Promise<Instance>>()
  const instanceIn = (session: RealiseSession): Promise<Instance> => {
    const instance = instances.get(session) ?? makeInstanceOf(template, session)
    instances.set(session, instance)
    return instance
  }
  const outputs = new Map(
    template.outputs.map((output) => [
      output,
      makeBuilt(template.name, template.meta, outputOf(output, template, instanceIn)),
    ]),
  )
  // There is at least one.
  const first = outputs.get(template.outputs[0]!)!
  return Object.assign(first, {
    outputs: template.outputs,
    output(name: string): Built {
      const found = outputs.get(name)
      if (found !== undefined) return found
      throw invalid(
        template.name,
        `it has no output ${JSON.stringify(name)}, it should be one of: ${template.outputs.join(', ')}`,
      )
    },
  })
}

/** The arguments, checked, as texts that may hold placeholders. */
interface Template {
  readonly name: string
  readonly meta: Meta
  readonly system: string | undefined
  readonly builder: string
  /** Whether the builder is a local file. */
  readonly isLocal: boolean
  readonly args: readonly string[]
  readonly outputs: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly fixed: DerivationSpec['fixed']
}

function readArgs(given: DerivationArgs): Template {
  const { name, builder, system, args = [], outputs = ['out'], meta = {} } = given
  if (typeof name !== 'string' || name === '') throw invalid('', 'its name should be a text that is not empty')
  if (!Array.isArray(args)) throw invalid(name, 'its args should be a list')
  if (!Array.isArray(outputs) || outputs.length === 0)
    throw invalid(name, 'its outputs should be a list with at least one')
  const env: Record<string, string> = {}
  for (const [variable, value] of Object.entries(given)) {
    if (ATTRIBUTES.has(variable) || value === undefined) continue
    env[variable] = coerceToText(value as Coercible, `variable "${variable}" of derivation "${name}"`)
  }
  const program = coerceToText(builder, `builder of derivation "${name}"`)
  return {
    name,
    meta,
    system,
    builder: program,
    isLocal: /^\.\.?\//.test(program),
    args: (args as readonly Coercible[]).map((value) => coerceToText(value, `an argument of derivation "${name}"`)),
    outputs,
    env,
    fixed: fixedContentOf(given),
  }
}

async function makeInstanceOf(template: Template, session: RealiseSession): Promise<Instance> {
  // Later, so that derivations nested deep do not need as deep a stack.
  await Promise.resolve()
  const { name, env, outputs, fixed } = template
  const builder = template.isLocal ? await session.addLocal(template.builder) : template.builder
  const texts = [builder, ...template.args, ...Object.values(env)]
  const { values, literals, replace } = await resolveTexts(session, texts, `Derivation "${name}"`)
  const spec: DerivationSpec = {
    name,
    system: template.system ?? thisSystem(),
    builder: replace(builder),
    args: template.args.map(replace),
    env: Object.fromEntries(Object.entries(env).map(([variable, value]) => [variable, replace(value)])),
    inputSources: literals,
    outputs,
    ...(fixed === undefined ? {} : { fixed }),
  }
  return await makeInstance(session, spec, values)
}

function outputOf(
  output: string,
  { name }: Template,
  instanceIn: (session: RealiseSession) => Promise<Instance>,
): Realisation {
  return {
    name,
    async outPath(session): Promise<StorePath> {
      return (await instanceIn(session)).written.outputs.get(output)!
    },
    async realise(session, options: RealiseOptions): Promise<StorePath> {
      const instance = await instanceIn(session)
      // Nix knows nothing of what is ours.
      const isOurs = instance.spec.builder === 'builtin:dockertools'
      if (session.builder === 'nix' && !isOurs) return await buildWithNix(session, instance, output, options)
      return await realiseInstance(session, instance, output, options, (place) =>
        runDerivation(session, instance, place),
      )
    },
    derivation: {
      async asInput(session) {
        const { path, identity } = (await instanceIn(session)).written
        return { path, identity, outputs: [output] }
      },
      async instantiate(session) {
        return await instantiate(session, await instanceIn(session))
      },
      async describe(session) {
        const { written, values, inputs } = await instanceIn(session)
        return { path: written.path, text: written.text, values, inputs }
      },
    },
  }
}

function invalid(name: string, fault: string): DockerToolsError {
  return new DockerToolsError('DEFINITION_INVALID', `Cannot make derivation ${JSON.stringify(name)}: ${fault}`)
}
