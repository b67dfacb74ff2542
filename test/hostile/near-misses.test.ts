import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildableFromDefinition } from '#docker-tools'
import { parseJson } from '#image'
import { ROOT } from '../support/places.ts'

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly $ref?: string
  readonly oneOf?: readonly Schema[]
  readonly const?: string
  readonly enum?: readonly string[]
}

interface DefinitionSchema extends Schema {
  readonly $defs: Readonly<Record<string, Schema>>
}

const schema = JSON.parse(readFileSync(join(ROOT, 'schema/definition.json'), 'utf8')) as DefinitionSchema

/** Every function that the schema knows, with its arguments. */
const FUNCTIONS = Object.values(schema.$defs).flatMap(({ properties }) => {
  const { const: one, enum: several = one === undefined ? [] : [one] } = properties?.['function'] ?? {}
  return several.map((name) => [name, Object.keys(properties?.['args']?.properties ?? {})] as const)
})

function refusalOf(definition: unknown): { readonly code: string; readonly message: string } {
  try {
    buildableFromDefinition(parseJson(JSON.stringify(definition), 'the test'))
  } catch (error) {
    return error as { readonly code: string; readonly message: string }
  }
  throw new Error(`taken: ${JSON.stringify(definition)}`)
}

/** One slip: the last two letters the other way round, or one of them twice where they are the same. */
function misspell(name: string): string {
  const [a = '', b = ''] = name.slice(-2)
  return name.slice(0, -2) + (a === b ? a + b + b : b + a)
}

test('a slip in the name of any function is answered with the name', () => {
  assert.ok(FUNCTIONS.length >= 25, `${FUNCTIONS.length} functions`)
  for (const [name] of FUNCTIONS) {
    const { code, message } = refusalOf({ function: misspell(name), args: {} })
    assert.equal(code, 'DEFINITION_INVALID')
    assert.ok(message.endsWith(`there is no function "${misspell(name)}", the nearest is "${name}"`), message)
  }
})

test('a slip in the name of any argument is answered with the name', () => {
  let count = 0
  for (const [name, args] of FUNCTIONS) {
    // `derivation` takes every name: each is a variable of its builder.
    if (name === 'derivation') continue
    for (const argument of args) {
      count++
      const slip = misspell(argument)
      const { code, message } = refusalOf({ function: name, args: { [slip]: null } })
      assert.equal(code, 'DEFINITION_INVALID')
      // Of two names that are equally near either may be told.
      const nearest = /there is no argument "([^"]*)", the nearest is "([^"]*)"/.exec(message)
      assert.equal(nearest?.[1], slip, `${name}: ${message}`)
      assert.ok(args.includes(nearest[2] ?? ''), `${name}: ${message}`)
    }
  }
  assert.ok(count > 90, `${count} arguments`)
})
