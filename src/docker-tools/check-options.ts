import * as v from 'valibot'
import { DockerToolsError } from '#errors'
import { nearestName } from '#util'
import { flag, shouldBe, text } from './argument-schemas.ts'
import type { PushOptions } from './push-options.ts'
import type { RealiseOutputOptions, WriteOptions } from './recipe.ts'

/** `engine` is of loading; exporting and inspecting have none that pushing has not. */
type OptionName = keyof (WriteOptions & RealiseOutputOptions & PushOptions) | 'engine'

const texts = v.array(text, shouldBe('a list of strings'))
const amount = v.number(shouldBe('a number'))
const count = v.pipe(amount, v.safeInteger(shouldBe('a whole number')), v.minValue(1, shouldBe('above 0')))
const callback = v.function(shouldBe('a function'))

/**
 * The options of all functions. A name has one meaning everywhere, as functions hand them on to one another. Words out of
 * a list are checked by whoever uses them, where that is not here.
 */
const OPTIONS: Readonly<Record<OptionName, v.GenericSchema>> = {
  stores: texts,
  trustedPublicKeys: texts,
  checkSignatures: flag,
  baseDirectory: text,
  cacheDirectory: v.nullable(text),
  threads: count,
  builder: v.picklist(['own', 'nix'], shouldBe('"own" or "nix"')),
  runner: text,
  vmKernel: text,
  scriptTimeoutSeconds: amount,
  signal: v.instance(AbortSignal, shouldBe('an AbortSignal')),
  onEvent: callback,
  now: callback,
  // What stands there may be a secret.
  environment: v.record(v.string(), v.optional(v.string('it should be a string')), 'it should be an object'),
  repoTag: text,
  rebuild: flag,
  outLink: text,
  tags: texts,
  compress: text,
  format: text,
  image: text,
  platform: text,
  mountFrom: texts,
  uploadChunkBytes: count,
  limits: v.record(v.string(), amount, shouldBe('an object')),
  tlsVerify: flag,
  certificatesDirectory: text,
  engine: text,
}

/**
 * Checks the options of a function, for those who write no types: none is misspelt, and none has a value of another kind.
 *
 * @throws {DockerToolsError} `DEFINITION_INVALID`.
 */
export function checkOptions(options: object): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new DockerToolsError('DEFINITION_INVALID', 'Cannot use the options: they should be an object')
  }
  for (const [name, value] of Object.entries(options)) {
    const schema = (OPTIONS as Readonly<Record<string, v.GenericSchema | undefined>>)[name]
    if (schema === undefined || !Object.hasOwn(OPTIONS, name)) throw unknownOption(name)
    if (value === undefined) continue
    const result = v.safeParse(schema, value, { abortEarly: true })
    if (result.success) continue
    const path = [name, v.getDotPath(result.issues[0])].filter((part) => part !== null).join('.')
    const message = `Cannot use the options: option "${path}": ${result.issues[0].message}`
    throw new DockerToolsError('DEFINITION_INVALID', message)
  }
}

function unknownOption(name: string): DockerToolsError {
  const nearest = nearestName(name, Object.keys(OPTIONS))
  return new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot use the options: there is no option "${name}"${nearest === undefined ? '' : `, the nearest is "${nearest}"`}`,
  )
}
