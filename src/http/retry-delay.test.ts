import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DEFAULT_PATIENCE, parseRetryAfter, retryDelayMs } from './retry-delay.ts'

const patience = { ...DEFAULT_PATIENCE, firstDelayMs: 100, maxDelayMs: 1000 }

describe('retryDelayMs()', () => {
  test('doubles, up to the most there is', () => {
    const delays = [1, 2, 3, 4, 5, 20].map((n) => retryDelayMs(n, undefined, { ...patience, random: () => 1 }))
    assert.deepEqual(delays, [100, 200, 400, 800, 1000, 1000])
  })

  test('the upper half is random', () => {
    assert.equal(retryDelayMs(1, undefined, { ...patience, random: () => 0 }), 50)
    for (let n = 0; n < 100; n++) {
      const delayMs = retryDelayMs(1, undefined, patience) ?? 0
      assert.ok(delayMs >= 50 && delayMs <= 100)
    }
  })

  test('a server is obeyed, if it does not ask for too much', () => {
    assert.equal(retryDelayMs(1, 1000, patience), 1000)
    assert.equal(retryDelayMs(1, 1001, patience), undefined)
  })
})

describe('parseRetryAfter()', () => {
  test('takes seconds', () => {
    assert.equal(parseRetryAfter({ 'retry-after': '120' }), 120_000)
    assert.equal(parseRetryAfter({ 'retry-after': '0' }), 0)
  })

  test('takes a date, by the clock of the server', () => {
    const date = 'Fri, 31 Dec 1999 23:59:00 GMT'
    assert.equal(parseRetryAfter({ 'retry-after': 'Fri, 31 Dec 1999 23:59:59 GMT', date }), 59_000)
    assert.equal(parseRetryAfter({ 'retry-after': 'Fri, 31 Dec 1999 23:00:00 GMT', date }), 0)
  })

  test('what makes no sense is as if it was not there', () => {
    for (const value of ['soon', '-5', '1.5e', '']) assert.equal(parseRetryAfter({ 'retry-after': value }), undefined)
    assert.equal(parseRetryAfter({ 'retry-after': 'Fri, 31 Dec 1999 23:59:59 GMT' }), undefined)
    assert.equal(parseRetryAfter({}), undefined)
  })
})
