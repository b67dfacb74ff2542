import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOptions } from './check-options.ts'

test('takes the options that there are, and what is undefined for what is not given', () => {
  checkOptions({})
  checkOptions({
    stores: ['auto'],
    threads: 2,
    cacheDirectory: null,
    environment: { HOME: undefined, PATH: '/bin' },
    limits: { archiveBytes: 5 },
    signal: AbortSignal.timeout(1),
    onEvent: () => undefined,
    runner: undefined,
  })
})

test('names what there is not, and what is of another kind', () => {
  const cases: readonly (readonly [object, string])[] = [
    [{ store: ['auto'] }, 'there is no option "store", the nearest is "stores"'],
    [{ toString: 1 }, 'there is no option "toString"'],
    [{ stores: 'auto' }, 'option "stores": it is "auto", it should be a list of strings'],
    [{ stores: ['auto', 7] }, 'option "stores.1": it is 7, it should be a string'],
    [{ threads: 0 }, 'option "threads": it is 0, it should be above 0'],
    [{ threads: 1.5 }, 'option "threads": it is 1.5, it should be a whole number'],
    [{ threads: '2' }, 'option "threads": it is "2", it should be a number'],
    [{ cacheDirectory: 5 }, 'option "cacheDirectory": it is 5, it should be a string'],
    [{ builder: 'guix' }, 'option "builder": it is "guix", it should be "own" or "nix"'],
    [{ signal: {} }, 'option "signal": it is Object, it should be an AbortSignal'],
    [{ onEvent: true }, 'option "onEvent": it is true, it should be a function'],
    [{ environment: { HOME: 1 } }, 'option "environment.HOME": it should be a string'],
    [{ limits: { archiveBytes: 'many' } }, 'option "limits.archiveBytes": it is "many", it should be a number'],
  ]
  for (const [options, reason] of cases) {
    assert.throws(() => checkOptions(options), {
      code: 'DEFINITION_INVALID',
      message: new RegExp(`^Cannot use the options: ${reason.replaceAll('.', String.raw`\.`)}$`),
    })
  }
  for (const options of [null, 'auto', ['auto']] as readonly unknown[]) {
    assert.throws(() => checkOptions(options as object), {
      message: 'Cannot use the options: they should be an object',
    })
  }
})
