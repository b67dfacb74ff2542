import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Slots } from './slots.ts'

describe('Slots', () => {
  test('let so many work at once and no more, in the order of asking', async () => {
    const slots = new Slots(3)
    const order: number[] = []
    let [working, most] = [0, 0]
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        slots.run(async () => {
          order.push(index)
          most = Math.max(most, ++working)
          await new Promise((resolve) => setTimeout(resolve, index % 4))
          working--
        }),
      ),
    )
    assert.equal(most, 3)
    assert.deepEqual(
      order,
      Array.from({ length: 20 }, (_, index) => index),
    )
  })

  test('are given back by work that fails', async () => {
    const slots = new Slots(1)
    await assert.rejects(
      slots.run(() => Promise.reject(new Error('failed'))),
      /failed/,
    )
    assert.equal(await slots.run(() => Promise.resolve('next')), 'next')
  })
})
