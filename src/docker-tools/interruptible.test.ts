import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { DockerToolsError } from '#errors'
import { streamLayeredImage } from '#docker-tools'
import { interruptible } from './interruptible.ts'

test('work that was stopped ends in INTERRUPTED, whatever it says of it itself', async () => {
  const reason = new Error('enough')
  const works: readonly ((signal: AbortSignal) => Promise<unknown>)[] = [
    (signal) => sleep(10_000, undefined, { signal }),
    (signal) => sleep(20).then(() => signal.throwIfAborted()),
    () => sleep(20).then(() => Promise.reject(new Error('as a cause', { cause: reason }))),
  ]
  for (const work of works) {
    const stop = new AbortController()
    setTimeout(() => stop.abort(reason), 5)
    await assert.rejects(
      interruptible(stop.signal, () => work(stop.signal)),
      { code: 'INTERRUPTED', cause: reason },
    )
  }
  await assert.rejects(
    interruptible(AbortSignal.abort(reason), () => assert.fail('it should not begin')),
    { code: 'INTERRUPTED' },
  )
})

test('other failures stay what they are, also of work that was stopped', async () => {
  const own = new DockerToolsError('SCRIPT_FAILED', 'Cannot go on')
  for (const isStopped of [false, true]) {
    for (const error of [own, new TypeError('a bug')]) {
      const stop = new AbortController()
      const failing = interruptible(stop.signal, () => {
        if (isStopped) stop.abort()
        return Promise.reject(error)
      })
      await assert.rejects(failing, error)
    }
  }
})

test('a stream that is stopped says INTERRUPTED', async () => {
  const image = streamLayeredImage({ name: 'x', tag: '1' })
  const sink = { write: () => undefined }
  await assert.rejects(image.writeTo(sink, { signal: AbortSignal.abort() }), { code: 'INTERRUPTED' })
})
